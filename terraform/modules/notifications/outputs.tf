output "alerts_arn" {
  description = "Topic of the alerts."
  value       = aws_sns_topic.alerts.arn
}

output "operations_arn" {
  description = "Topic of the alarms."
  value       = aws_sns_topic.operations.arn
}

output "undelivered" {
  description = "Name of the queue of messages that SNS could not hand to the relay, by what it belongs to."
  value       = { for queue in aws_sqs_queue.undelivered : "relay" => queue.name }
}

output "rule" {
  description = "Name of the rule that wakes the notifier when a run has ended; null without one."
  value       = one(aws_cloudwatch_event_rule.run_ended[*].name)
}

output "policies" {
  description = "The topics' policies, as JSON, by topic."
  value       = { for name, policy in aws_sns_topic_policy.this : name => policy.policy }
}
