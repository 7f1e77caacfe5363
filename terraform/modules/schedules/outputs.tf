output "group" {
  description = "Name of the schedule group."
  value       = aws_scheduler_schedule_group.this.name
}

output "schedules" {
  description = "Every crawl's schedule, by name, as it was made."
  value = { for name, schedule in aws_scheduler_schedule.crawl : name => {
    expression = schedule.schedule_expression
    timezone   = schedule.schedule_expression_timezone
    state      = schedule.state
    window     = schedule.flexible_time_window[0]
    target     = schedule.target[0].arn
    input      = schedule.target[0].input
    missed     = schedule.target[0].dead_letter_config[0].arn
  } }
}

output "missed" {
  description = "Name of the queue of ticks that did not reach the dispatcher."
  value       = aws_sqs_queue.missed.name
}

output "policy" {
  description = "What the schedules' role may do, as JSON."
  value       = aws_iam_role_policy.this.policy
}

output "tick" {
  description = "Group and name of the schedule of the minute's tick."
  value       = "${aws_scheduler_schedule_group.this.name}/${aws_scheduler_schedule.reap.name}"
}
