# Terraform makes the empty secrets and never sees a value: a person puts it in, or the operator function does.
resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:chat services rotate by hand; a new session key ends the sessions of running ordered tasks
  for_each = var.secrets

  name                    = "${var.path}/${each.key}"
  description             = each.value
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window_days
}

# What a program makes for programs, and no person rotates: SSM keeps it for nothing. `unset` is a value of no meaning;
# the real one never comes into the state, because a write-only value is not read back.
resource "aws_ssm_parameter" "this" {
  for_each = var.parameters

  name             = "/${var.path}/${each.key}"
  description      = each.value
  type             = "SecureString"
  key_id           = var.kms_key_arn
  value_wo         = "unset"
  value_wo_version = 1

  lifecycle {
    ignore_changes = [description, key_id] # to change one of them is to write the value anew
  }
}
