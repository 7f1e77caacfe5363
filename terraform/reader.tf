# The function of those who may look and not act: `trapline web --env` reads through it. It runs the operator's release,
# logs in as a role that has SELECT alone, and knows neither the administrator nor another function.
locals {
  reader = {
    description = "Screens of the web view, for those who may look and not act; no service may call it"
    handler     = "trapline.operator.reader.handler"
    group       = "inner"
    size        = { memory_mib = 512, timeout = 60, scratch_mib = 512 }
    events      = { retries = 0, max_event_age = 300 } # it is called directly, and a person reads the answer
    environment = {
      DATABASE_URL       = local.database_url["reader"]
      TRAPLINE_ARTIFACTS = local.artifacts_url
    }
    statements = merge(local.log_in["reader"], {
      Pictures = { # it signs their addresses, which are worth what the signer may
        actions   = ["s3:GetObject"]
        resources = ["${module.storage.arn}/artifacts/*"]
      }
    })
  }
}
