# Where and under which names

variable "project_id" {
  description = "Project that everything is created in."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id: 6 to 30 lower-case letters, digits and hyphens are expected, beginning with a letter and not ending with a hyphen."
  }
}

variable "region" {
  description = "Region of the functions, of their artifacts and of the scheduler."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region: the name of a region such as europe-west1 is expected."
  }
}

variable "name" {
  description = "What the names of accounts, buckets and alike begin with. Two deployments in one project need different ones, and different function prefixes."
  type        = string
  default     = "pubsub"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}[a-z0-9]$", var.name))
    error_message = "name: 3 to 16 lower-case letters, digits and hyphens are expected, beginning with a letter and not ending with a hyphen."
  }
}

variable "function_prefix" {
  description = "What the names of the functions begin with, for a second deployment in the same project and region. With a prefix there is no common base URL: config_json names each function's."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([a-z][a-z0-9-]{0,28}-)?$", var.function_prefix))
    error_message = "function_prefix: empty, or up to 30 lower-case letters, digits and hyphens that begin with a letter and end with a hyphen."
  }
}

variable "labels" {
  description = "Labels of everything that takes some."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))
    ])
    error_message = "labels: keys and values of up to 63 lower-case letters, digits, hyphens and underscores are expected; a key begins with a letter."
  }
}

variable "deletion_policy" {
  description = "What becomes of the Firestore database, and of the events in it, when it is removed from the configuration: DELETE, or ABANDON to leave it where it is."
  type        = string
  default     = "ABANDON"
  nullable    = false

  validation {
    condition     = contains(["ABANDON", "DELETE"], var.deletion_policy)
    error_message = "deletion_policy: ABANDON or DELETE is expected."
  }
}

variable "enable_apis" {
  description = "Enable the APIs that are needed. They stay enabled when the module is destroyed."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key_name" {
  description = "Cloud KMS key for the functions, their source and their images. The service agents of Cloud Functions, Cloud Run, Artifact Registry, Cloud Storage and Eventarc need roles/cloudkms.cryptoKeyEncrypterDecrypter on it. The database has a key of its own, see `database`."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_name == null || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key_name))
    error_message = "kms_key_name: projects/PROJECT/locations/REGION/keyRings/RING/cryptoKeys/KEY is expected."
  }
}

# The functions

variable "runtime" {
  description = "Python of the functions."
  type        = string
  default     = "python312"
  nullable    = false

  validation {
    condition     = contains(["python310", "python311", "python312", "python313", "python314"], var.runtime)
    error_message = "runtime: python310 to python314 are expected."
  }
}

variable "functions" {
  description = "What each function gets, where it is to differ from the defaults: keys are register, publish, subscribe, get_events and expire. Below one CPU a function serves one request at a time."
  type = map(object({
    available_cpu    = optional(string)
    available_memory = optional(string)
    concurrency      = optional(number)
    max_instances    = optional(number)
    min_instances    = optional(number)
    timeout_s        = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.functions), ["register", "publish", "subscribe", "get_events", "expire"])) == 0
    error_message = "functions: the keys are register, publish, subscribe, get_events and expire."
  }
  validation {
    condition     = alltrue([for f in values(var.functions) : f.concurrency == null ? true : f.concurrency >= 1 && f.concurrency <= 1000 && floor(f.concurrency) == f.concurrency])
    error_message = "functions: concurrency is a whole number from 1 to 1000."
  }
  validation {
    condition = alltrue([
      for f in values(var.functions) :
      coalesce(f.concurrency, 80) == 1 || try(tonumber(coalesce(f.available_cpu, "1")) >= 1, false)
    ])
    error_message = "functions: a concurrency over 1 (80 by default) needs an available_cpu of at least 1."
  }
  validation {
    condition     = alltrue([for f in values(var.functions) : f.available_cpu == null ? true : can(regex("^(0\\.[0-9]+|[1248])$", f.available_cpu))])
    error_message = "functions: available_cpu is a fraction below one such as 0.5, or 1, 2, 4 or 8."
  }
  validation {
    condition     = alltrue([for f in values(var.functions) : f.available_memory == null ? true : can(regex("^[0-9]+(M|Mi|G|Gi)$", f.available_memory))])
    error_message = "functions: available_memory is a size such as 512Mi or 1Gi."
  }
  validation {
    condition     = alltrue([for f in values(var.functions) : f.timeout_s == null ? true : f.timeout_s >= 1 && f.timeout_s <= 3600])
    error_message = "functions: timeout_s is 1 to 3600 seconds."
  }
  validation {
    condition     = try(var.functions["get_events"].timeout_s, null) == null ? true : var.functions["get_events"].timeout_s > 20
    error_message = "functions: get_events may wait for 20 seconds, so its timeout_s has to exceed that."
  }
  validation {
    condition     = try(var.functions["expire"].timeout_s, null) == null ? true : var.functions["expire"].timeout_s <= 1800
    error_message = "functions: Cloud Scheduler waits for 1800 seconds at most, so expire's timeout_s may not exceed that."
  }
  validation {
    condition = alltrue([
      for f in values(var.functions) :
      coalesce(f.min_instances, 0) >= 0 && coalesce(f.max_instances, 100) >= 1 && coalesce(f.min_instances, 0) <= coalesce(f.max_instances, 100)
    ])
    error_message = "functions: 0 <= min_instances <= max_instances is expected, and at least one instance."
  }
}

variable "ingress" {
  description = "Which network requests may come from."
  type        = string
  default     = "ALLOW_ALL"
  nullable    = false

  validation {
    condition     = contains(["ALLOW_ALL", "ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB"], var.ingress)
    error_message = "ingress: ALLOW_ALL, ALLOW_INTERNAL_ONLY or ALLOW_INTERNAL_AND_GCLB is expected."
  }
}

variable "vpc_egress" {
  description = "A serverless VPC connector for outgoing traffic, and what goes through it. Firestore needs none."
  type = object({
    connector = string
    egress    = optional(string, "PRIVATE_RANGES_ONLY")
  })
  default = null

  validation {
    condition     = var.vpc_egress == null ? true : contains(["PRIVATE_RANGES_ONLY", "ALL_TRAFFIC"], var.vpc_egress.egress)
    error_message = "vpc_egress: egress is PRIVATE_RANGES_ONLY or ALL_TRAFFIC."
  }
}

variable "build_worker_pool" {
  description = "Private Cloud Build pool for the builds: projects/PROJECT/locations/REGION/workerPools/POOL."
  type        = string
  default     = null

  validation {
    condition     = var.build_worker_pool == null || can(regex("^projects/[^/]+/locations/[^/]+/workerPools/[^/]+$", var.build_worker_pool))
    error_message = "build_worker_pool: projects/PROJECT/locations/REGION/workerPools/POOL is expected."
  }
}

# The database

variable "database" {
  description = "The Firestore database: its id, and whether to create it or to use one that exists (it has to be in native mode and of the Standard edition). The location counts for a new one; by default it is the region."
  type = object({
    id                     = optional(string, "pubsub")
    create                 = optional(bool, true)
    location               = optional(string)
    delete_protection      = optional(bool, true)
    point_in_time_recovery = optional(bool, false)
    kms_key_name           = optional(string)
    index_exemptions       = optional(bool, true)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.database.id == "(default)" || can(regex("^[a-z][a-z0-9-]{2,61}[a-z0-9]$", var.database.id))
    error_message = "database: id is (default), or 4 to 63 lower-case letters, digits and hyphens that begin with a letter and do not end with a hyphen."
  }
  validation {
    condition     = !can(regex("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", var.database.id))
    error_message = "database: id may not look like a UUID."
  }
  validation {
    condition     = var.database.location == null ? true : can(regex("^([a-z]+-[a-z]+[0-9]+|eur3|nam5|nam7)$", var.database.location))
    error_message = "database: location is a region such as europe-west1, or a multi-region: eur3, nam5 or nam7."
  }
}

variable "backup" {
  description = "Backups of the database: how often (daily or weekly) and for how many days they are kept; none by default."
  type = object({
    recurrence     = optional(string, "daily")
    retention_days = optional(number, 7)
    day            = optional(string, "SUNDAY")
  })
  default = null

  validation {
    condition     = var.backup == null ? true : contains(["daily", "weekly"], var.backup.recurrence)
    error_message = "backup: recurrence is daily or weekly."
  }
  validation {
    condition     = var.backup == null ? true : var.backup.retention_days >= 1 && var.backup.retention_days <= 98
    error_message = "backup: retention_days is 1 to 98 (14 weeks)."
  }
  validation {
    condition     = var.backup == null ? true : contains(["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"], var.backup.day)
    error_message = "backup: day is a day of the week in capitals."
  }
}

# Who may do what

variable "publishers" {
  description = "Members that may register and publish, such as serviceAccount:shop@my-project.iam.gserviceaccount.com."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.publishers : can(regex("^(user|serviceAccount|group|domain|principal|principalSet):.+$", member))])
    error_message = "publishers: members such as user:, serviceAccount:, group:, domain:, principal: or principalSet: are expected. For everybody set allow_unauthenticated."
  }
}

variable "subscribers" {
  description = "Members that may register, subscribe and get events."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.subscribers : can(regex("^(user|serviceAccount|group|domain|principal|principalSet):.+$", member))])
    error_message = "subscribers: members such as user:, serviceAccount:, group:, domain:, principal: or principalSet: are expected. For everybody set allow_unauthenticated."
  }
}

variable "admins" {
  description = "Members that may call every function, expire too. With identity, those that are a user: or serviceAccount: may use every name."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.admins : can(regex("^(user|serviceAccount|group|domain|principal|principalSet):.+$", member))])
    error_message = "admins: members such as user:, serviceAccount:, group:, domain:, principal: or principalSet: are expected. There are no anonymous admins."
  }
  validation {
    condition     = alltrue([for member in var.admins : can(regex("^[\\x21-\\x2b\\x2d-\\x7e]+$", member)) if can(regex("^(user|serviceAccount):", member))])
    error_message = "admins: the address of a user: or serviceAccount: is expected to be of ASCII characters, without spaces and commas: the service makes nobody else an admin."
  }
}

variable "allow_unauthenticated" {
  description = "Let anybody on the internet call register, publish, subscribe and get_events (allUsers). An organisation policy (iam.allowedPolicyMemberDomains) usually forbids it; see docs/deploy.md."
  type        = bool
  default     = false
  nullable    = false
}

variable "identity" {
  description = "Make names belong to the identity that registers them: the service verifies the ID token of each caller, and refuses the names of others."
  type        = bool
  default     = true
  nullable    = false
}

variable "restrict_build_access" {
  description = "Let the build's account read only the buckets in which Cloud Functions keeps sources, beside the module's own, by a condition of its role. Switch it off if builds are denied access to a bucket gcf-v2-sources-…; see docs/deploy.md."
  type        = bool
  default     = true
  nullable    = false
}

variable "restrict_database_access" {
  description = "Let the functions' account use this one database only, by a condition of its role. Switch it off if the probe of docs/deploy.md is refused."
  type        = bool
  default     = true
  nullable    = false
}

# Retention and monitoring

variable "expire_schedule" {
  description = "When retention runs, as a cron line in UTC."
  type        = string
  default     = "*/10 * * * *"
  nullable    = false

  validation {
    condition     = can(regex("^(\\S+ ){4}\\S+$", var.expire_schedule))
    error_message = "expire_schedule: five fields of cron with single spaces between them are expected, such as */10 * * * *."
  }
}

variable "monitoring" {
  description = "The dashboard, and alerts: when the oldest unsettled event is older than oldest_age_s, when more than error_rate of the requests fail with 5xx, and when expire has not run for expire_absent_s. A new metric is unknown to alerts for some minutes: set alerts to false for the first apply, or apply again."
  type = object({
    dashboard       = optional(bool, true)
    alerts          = optional(bool, true)
    oldest_age_s    = optional(number, 3600)
    error_rate      = optional(number, 0.05)
    expire_absent_s = optional(number, 3600)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.monitoring.oldest_age_s >= 60 && var.monitoring.oldest_age_s <= 604800
    error_message = "monitoring: oldest_age_s is 60 to 604800 seconds."
  }
  validation {
    condition     = var.monitoring.error_rate > 0 && var.monitoring.error_rate < 1
    error_message = "monitoring: error_rate is a fraction between 0 and 1."
  }
  validation {
    condition     = var.monitoring.expire_absent_s >= 180 && var.monitoring.expire_absent_s <= 84600
    error_message = "monitoring: expire_absent_s is 180 to 84600 seconds, the least and the most that an alert on absence takes."
  }
}

variable "notification_channels" {
  description = "Notification channels that the alerts go to: projects/PROJECT/notificationChannels/ID."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for channel in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[^/]+$", channel))])
    error_message = "notification_channels: projects/PROJECT/notificationChannels/ID is expected."
  }
}
