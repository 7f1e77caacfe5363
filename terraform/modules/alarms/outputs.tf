output "alarms" {
  description = "Every alarm by its key: its metric, what it watches, and where it goes."
  value = merge(
    { for key, alarm in aws_cloudwatch_metric_alarm.this : key => {
      metric      = alarm.metric_name
      dimensions  = alarm.dimensions
      threshold   = alarm.threshold
      comparison  = alarm.comparison_operator
      description = alarm.alarm_description
      actions     = alarm.alarm_actions
    } },
    { for alarm in aws_cloudwatch_metric_alarm.silence : "silence" => {
      metric      = alarm.metric_name
      dimensions  = {}
      threshold   = alarm.threshold
      comparison  = alarm.comparison_operator
      description = alarm.alarm_description
      actions     = alarm.alarm_actions
    } },
    { for alarm in aws_cloudwatch_metric_alarm.faults : "faults" => {
      metric      = alarm.metric_name
      dimensions  = {}
      threshold   = alarm.threshold
      comparison  = alarm.comparison_operator
      description = alarm.alarm_description
      actions     = alarm.alarm_actions
    } },
  )
}
