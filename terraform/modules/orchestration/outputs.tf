output "machines" {
  description = "ARNs of the machines: wave and run."
  value       = { for name, machine in aws_sfn_state_machine.this : name => machine.arn }
}

output "definitions" {
  description = "The machines' definitions, as JSON."
  value       = { for name, machine in aws_sfn_state_machine.this : name => machine.definition }
}

output "policies" {
  description = "What the machines' roles may do, as JSON."
  value       = { for name, policy in aws_iam_role_policy.this : name => policy.policy }
}

output "queues" {
  description = "By lane, the queue through which its crawlers are called, and the queue of what no crawler could take."
  value = { for lane, queue in aws_sqs_queue.lane : lane => {
    name        = queue.name
    arn         = queue.arn
    undelivered = aws_sqs_queue.undelivered[lane].name
  } }
}

output "rules" {
  description = "Names of the rules that call Trapline's functions."
  value       = { wave_ended = aws_cloudwatch_event_rule.wave_ended.name }
}
