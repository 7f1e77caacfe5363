# A durable function by CloudFormation: the provider knows `durable_config` only from 6.25 on, and a module can't hold a
# block that an older provider of its range does not know, not even a dynamic one that is never there.
locals {
  durable_code = (
    var.code.image != null
    ? { ImageUri = var.code.image }
    : { S3Bucket = var.code.bucket, S3Key = try(aws_s3_object.durable[0].key, var.code.key) }
  )
  durable_properties = merge(
    {
      FunctionName     = var.name
      Description      = var.description
      Role             = aws_iam_role.this.arn
      PackageType      = var.code.image != null ? "Image" : "Zip"
      Code             = local.durable_code
      Architectures    = [var.architecture]
      MemorySize       = var.memory_mib
      Timeout          = var.timeout
      EphemeralStorage = { Size = var.scratch_mib }
      LoggingConfig    = { LogFormat = "Text", LogGroup = aws_cloudwatch_log_group.this.name }
      TracingConfig    = { Mode = "PassThrough" }
      DurableConfig = var.durable == null ? {} : {
        ExecutionTimeout      = var.durable.execution_timeout
        RetentionPeriodInDays = var.durable.retention_days
      }
    },
    { for name in var.code.image == null ? ["Handler"] : [] : name => var.code.handler },
    { for name in var.code.image == null ? ["Runtime"] : [] : name => var.code.runtime },
    { for name in var.code.image != null && var.code.handler != null ? ["ImageConfig"] : [] : name => {
      Command = [var.code.handler]
    } },
    { for name in length(var.environment) > 0 ? ["Environment"] : [] : name => { Variables = var.environment } },
    { for key in length(var.environment) > 0 ? var.kms_key_arn[*] : [] : "KmsKeyArn" => key },
    { for name in var.vpc != null ? ["VpcConfig"] : [] : name => {
      SubnetIds        = var.vpc.subnet_ids
      SecurityGroupIds = var.vpc.security_group_ids
    } },
    { for name in var.reserved_concurrency != null ? ["ReservedConcurrentExecutions"] : [] :
    name => var.reserved_concurrency },
  )
  # CloudFormation publishes a version when it makes one, so each change makes one of another name. The one before
  # stays, because executions go on with the version that they began with.
  durable_version = "Version${substr(sha256(jsonencode([local.durable_properties, var.code.sha256])), 0, 16)}"

  made = {
    name = var.durable == null ? aws_lambda_function.this[0].function_name : var.name
    version = (
      var.durable == null ? aws_lambda_function.this[0].version : aws_cloudformation_stack.durable[0].outputs["Version"]
    )
  }
}

resource "aws_s3_object" "durable" {
  count = var.durable != null && var.code.file != null ? 1 : 0

  bucket      = var.code.bucket
  key         = "packages/${var.name}/${filesha256(var.code.file)}.zip"
  source      = var.code.file
  source_hash = filesha256(var.code.file)
  kms_key_id  = var.kms_key_arn
}

resource "aws_cloudformation_stack" "durable" {
  #checkov:skip=CKV_AWS_124:Terraform waits for the stack and says what failed in it
  count = var.durable == null ? 0 : 1

  name       = var.name
  on_failure = "DELETE" # a stack that failed when it was made could not be mended
  template_body = jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Description              = var.description
    Resources = {
      Function = { Type = "AWS::Lambda::Function", Properties = local.durable_properties }
      (local.durable_version) = {
        Type           = "AWS::Lambda::Version"
        DeletionPolicy = "Retain"
        Properties     = { FunctionName = { Ref = "Function" } }
      }
    }
    Outputs = { Version = { Value = { "Fn::GetAtt" = [local.durable_version, "Version"] } } }
  })

  depends_on = [aws_iam_role_policy.this]
}
