# Terraform makes the empty secrets and never sees a value: a person puts it in, or the operator function does.
resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:chat services rotate by hand; a new session key ends the sessions of running ordered tasks
  for_each = var.secrets

  name                    = "${var.path}/${each.key}"
  description             = each.value
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window_days
}
