mock_provider "google" {
  mock_resource "google_cloudfunctions2_function" {
    defaults = {
      service_config = {
        uri     = "https://function-1234567890.europe-west1.run.app"
        service = "projects/shop-123/locations/europe-west1/services/function"
      }
    }
  }
  mock_resource "google_service_account" {
    defaults = {
      email  = "account@shop-123.iam.gserviceaccount.com"
      member = "serviceAccount:account@shop-123.iam.gserviceaccount.com"
    }
  }
}

mock_provider "archive" {}

mock_provider "time" {}

variables {
  project_id = "shop-123"
  region     = "europe-west1"
}

run "project_id" {
  command = plan

  variables {
    project_id = "Shop"
  }

  expect_failures = [var.project_id]
}

run "region" {
  command = plan

  variables {
    region = "europe"
  }

  expect_failures = [var.region]
}

run "name" {
  command = plan

  variables {
    name = "p"
  }

  expect_failures = [var.name]
}

run "function_prefix" {
  command = plan

  variables {
    function_prefix = "no-hyphen-at-its-end"
  }

  expect_failures = [var.function_prefix]
}

run "labels" {
  command = plan

  variables {
    labels = { Team = "x" }
  }

  expect_failures = [var.labels]
}

run "deletion_policy" {
  command = plan

  variables {
    deletion_policy = "KEEP"
  }

  expect_failures = [var.deletion_policy]
}

run "kms_key_name" {
  command = plan

  variables {
    kms_key_name = "my-key"
  }

  expect_failures = [var.kms_key_name]
}

run "runtime" {
  command = plan

  variables {
    runtime = "python39"
  }

  expect_failures = [var.runtime]
}

run "functions_1" {
  command = plan

  variables {
    functions = { unsubscribe = {} }
  }

  expect_failures = [var.functions]
}

run "functions_2" {
  command = plan

  variables {
    functions = { publish = { available_cpu = "0.5" } }
  }

  expect_failures = [var.functions]
}

run "functions_3" {
  command = plan

  variables {
    functions = { publish = { available_cpu = "3" } }
  }

  expect_failures = [var.functions]
}

run "functions_4" {
  command = plan

  variables {
    functions = { publish = { concurrency = 1001 } }
  }

  expect_failures = [var.functions]
}

run "functions_5" {
  command = plan

  variables {
    functions = { get_events = { timeout_s = 20 } }
  }

  expect_failures = [var.functions]
}

run "functions_6" {
  command = plan

  variables {
    functions = { expire = { timeout_s = 3600 } }
  }

  expect_failures = [var.functions]
}

run "functions_7" {
  command = plan

  variables {
    functions = { publish = { timeout_s = 0 } }
  }

  expect_failures = [var.functions]
}

run "functions_8" {
  command = plan

  variables {
    functions = { publish = { min_instances = 5, max_instances = 2 } }
  }

  expect_failures = [var.functions]
}

run "functions_9" {
  command = plan

  variables {
    functions = { publish = { available_memory = "1 GB" } }
  }

  expect_failures = [var.functions]
}

run "ingress" {
  command = plan

  variables {
    ingress = "ALL"
  }

  expect_failures = [var.ingress]
}

run "vpc_egress" {
  command = plan

  variables {
    vpc_egress = { connector = "c", egress = "SOME" }
  }

  expect_failures = [var.vpc_egress]
}

run "build_worker_pool" {
  command = plan

  variables {
    build_worker_pool = "pool"
  }

  expect_failures = [var.build_worker_pool]
}

run "database_1" {
  command = plan

  variables {
    database = { id = "Events" }
  }

  expect_failures = [var.database]
}

run "database_2" {
  command = plan

  variables {
    database = { id = "abc" }
  }

  expect_failures = [var.database]
}

run "database_3" {
  command = plan

  variables {
    database = { id = "default", location = "europe" }
  }

  expect_failures = [var.database]
}

run "database_4" {
  command = plan

  variables {
    database = { id = "aaaaaaaa-0000-4000-8000-000000000000" }
  }

  expect_failures = [var.database]
}

run "backup_1" {
  command = plan

  variables {
    backup = { recurrence = "hourly" }
  }

  expect_failures = [var.backup]
}

run "backup_2" {
  command = plan

  variables {
    backup = { retention_days = 99 }
  }

  expect_failures = [var.backup]
}

run "backup_3" {
  command = plan

  variables {
    backup = { recurrence = "weekly", day = "sunday" }
  }

  expect_failures = [var.backup]
}

run "publishers" {
  command = plan

  variables {
    publishers = ["allUsers"]
  }

  expect_failures = [var.publishers]
}

run "subscribers" {
  command = plan

  variables {
    subscribers = ["allAuthenticatedUsers"]
  }

  expect_failures = [var.subscribers]
}

run "admins" {
  command = plan

  variables {
    admins = ["root@example.com"]
  }

  expect_failures = [var.admins]
}

run "admins_with_a_letter_beyond_ascii" {
  command = plan

  variables {
    admins = ["user:k\u0131m@example.com"]
  }

  expect_failures = [var.admins]
}

run "admins_two_in_one" {
  command = plan

  variables {
    admins = ["user:a@example.com,b@example.com"]
  }

  expect_failures = [var.admins]
}

run "expire_schedule" {
  command = plan

  variables {
    expire_schedule = "every 5 minutes"
  }

  expect_failures = [var.expire_schedule]
}

run "monitoring_1" {
  command = plan

  variables {
    monitoring = { oldest_age_s = 1 }
  }

  expect_failures = [var.monitoring]
}

run "monitoring_2" {
  command = plan

  variables {
    monitoring = { error_rate = 5 }
  }

  expect_failures = [var.monitoring]
}

run "monitoring_3" {
  command = plan

  variables {
    monitoring = { expire_absent_s = 60 }
  }

  expect_failures = [var.monitoring]
}

run "notification_channels" {
  command = plan

  variables {
    notification_channels = ["mail"]
  }

  expect_failures = [var.notification_channels]
}

