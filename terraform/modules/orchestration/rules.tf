# A wave that a person stopped, or that failed: the dispatcher asks anew for what it never called, now and not after
# pending_ttl.
resource "aws_cloudwatch_event_rule" "wave_ended" {
  name        = "${var.name}-wave-ended"
  description = "Waves that ended before they called all their invocations"

  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail      = { status = ["FAILED", "ABORTED", "TIMED_OUT"], stateMachineArn = [local.wave_arn] }
  })
}

resource "aws_cloudwatch_event_target" "wave_ended" {
  rule = aws_cloudwatch_event_rule.wave_ended.name
  arn  = var.functions.dispatcher.alias_arn

  input_transformer {
    input_paths    = { wave = "$.detail.name", status = "$.detail.status" }
    input_template = "{\"v\":1,\"type\":\"wave_ended\",\"wave\":<wave>,\"status\":<status>}"
  }

  retry_policy {
    maximum_event_age_in_seconds = 600 # by then the ledger has given up what the wave did not call
    maximum_retry_attempts       = 10
  }
}

resource "aws_lambda_permission" "wave_ended" {
  statement_id  = "wave-ended"
  action        = "lambda:InvokeFunction"
  function_name = regex("^(.+):[^:]+$", var.functions.dispatcher.alias_arn)[0]
  qualifier     = regex("[^:]+$", var.functions.dispatcher.alias_arn)
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.wave_ended.arn
}
