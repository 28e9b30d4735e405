-- wrk: lone publishes, each event with an id of its own
local topic, thread_number = "wrk", 0
local counter = 0

function setup(thread)
  thread_number = thread_number + 1
  thread:set("number", thread_number)
end

function init(args)
  topic = args[1] or topic
  math.randomseed(number)
  tag = tostring(math.random(1, 2 ^ 30)) .. "-" .. number
  data = string.rep("x", 1000)
end

function request()
  counter = counter + 1
  local event = string.format(
    '{"specversion":"1.0","id":"%s-%d","source":"/publishers/wrk","type":"event","data":"%s"}', tag, counter, data)
  -- as the SDK does: the store's time a moment ago
  local since = string.format("%.0f", (os.time() - 1) * 1e6)
  local body = string.format('{"topic":"%s","publisher":"wrk","since":%s,"events":[%s]}', topic, since, event)
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
end
