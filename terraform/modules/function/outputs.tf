output "name" {
  description = "Name of the function."
  value       = local.made.name
}

output "alias_arn" {
  description = "ARN of the alias that takes the traffic."
  value       = aws_lambda_alias.live.arn
}

output "version" {
  description = "Version that takes the traffic."
  value       = aws_lambda_alias.live.function_version
}

output "timeout" {
  description = "Seconds after which Lambda kills the function."
  value       = var.timeout
}

output "log_group" {
  description = "Name of the function's log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "failures" {
  description = "The queue of events that Lambda gave up on."
  value = {
    arn  = aws_sqs_queue.failures.arn
    name = aws_sqs_queue.failures.name
    url  = aws_sqs_queue.failures.id
  }
}

output "dead_letters" {
  description = "The queue of what could not be read out of the failure queue."
  value = {
    arn  = aws_sqs_queue.dead_letters.arn
    name = aws_sqs_queue.dead_letters.name
  }
}

output "policy" {
  description = "What the function's role may do, as JSON."
  value       = aws_iam_role_policy.this.policy
}

output "environment" {
  description = "What the function finds in its environment."
  value       = var.environment
}

output "in_vpc" {
  description = "Whether the function is in a VPC."
  value       = var.vpc != null
}

output "invoke" {
  description = "What Lambda does with an asynchronous event of the function, and where one goes that it gave up on."
  value = {
    qualifier     = aws_lambda_function_event_invoke_config.live.qualifier
    retries       = aws_lambda_function_event_invoke_config.live.maximum_retry_attempts
    max_event_age = aws_lambda_function_event_invoke_config.live.maximum_event_age_in_seconds
    on_failure    = aws_lambda_function_event_invoke_config.live.destination_config[0].on_failure[0].destination
  }
}

output "template" {
  description = "The stack of a durable function, as JSON; null for an ordinary one."
  value       = one(aws_cloudformation_stack.durable[*].template_body)
}
