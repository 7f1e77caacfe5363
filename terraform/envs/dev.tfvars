# An environment to try things in: one zone, one NAT gateway, and it may be thrown away.
environment = "dev"
region      = "eu-central-1"
disposable  = true

network = { mode = "made", nat = "gateway" }

database = {
  instance_class      = "db.t4g.micro"
  multi_az            = false
  backup_days         = 7
  deletion_protection = false
  apply_immediately   = true
}

log_days    = 30
expire_days = { runs = 60 }

retention_days = 14

# Who gets which email; each person confirms by the link in SNS's first mail.
alert_emails      = []
operations_emails = []
