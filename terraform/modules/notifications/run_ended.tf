# A run that ended: whoever ended it says so to the account's default bus, and the notifier sends the run's summary now.
# Other systems subscribe with rules of their own.
resource "aws_cloudwatch_event_rule" "run_ended" {
  count = var.notifier != null ? 1 : 0

  name        = "${var.name}-run-ended"
  description = "Runs of Trapline that ended"
  # A tick that was skipped tells nobody anything: there may be one a minute for as long as a run is open
  event_pattern = jsonencode({
    source      = ["trapline"]
    detail-type = ["Run ended"]
    detail      = { outcome = [{ "anything-but" = ["skipped"] }] }
  })
}

resource "aws_cloudwatch_event_target" "run_ended" {
  count = var.notifier != null ? 1 : 0

  rule  = aws_cloudwatch_event_rule.run_ended[0].name
  arn   = var.notifier.arn
  input = jsonencode({ v = 1, type = "drain" })

  retry_policy {
    maximum_event_age_in_seconds = 60 # by then the minute's sweep has sent it
    maximum_retry_attempts       = 2
  }
}

resource "aws_lambda_permission" "run_ended" {
  count = var.notifier != null ? 1 : 0

  statement_id  = "run-ended"
  action        = "lambda:InvokeFunction"
  function_name = var.notifier.name
  qualifier     = var.notifier.alias
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.run_ended[0].arn
}
