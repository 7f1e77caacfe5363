# What people rely on: two zones, protected from deletion, kept for long.
environment = "prod"
region      = "eu-central-1"

network = { mode = "made", nat = "gateway_per_zone" }

database = {
  instance_class      = "db.t4g.medium"
  storage_gib         = 50
  max_storage_gib     = 500
  multi_az            = true
  backup_days         = 14
  deletion_protection = true
}

log_days    = 365
expire_days = { runs = 400 }

# Who gets which email; each person confirms by the link in SNS's first mail.
alert_emails      = []
operations_emails = []
