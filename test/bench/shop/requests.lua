-- For wrk: sends the requests of a file, one a line (method, path and body between tabs), round and round.
-- Arguments: the file, and the number to count from. '#' in a path becomes the number of the request.
local heads, tails, count = {}, {}, 0
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  first = tonumber(args[2])
  total = 0
  for line in io.lines(args[1]) do
    local method, path, body = line:match("^(%u+)\t([^\t]+)\t(.*)$")
    local headers = {}
    if body == "" then body = nil else headers["Content-Type"] = "application/json" end
    local text = wrk.format(method, path, headers, body)
    local at = text:find("#", 1, true)
    count = count + 1
    heads[count] = at and text:sub(1, at - 1) or text
    tails[count] = at and text:sub(at + 1) or false
  end
end

function request()
  local i = (first + total) % count + 1
  total = total + 1
  local tail = tails[i]
  if tail then return heads[i] .. (first + total) .. tail end
  return heads[i]
end

function done(summary, latency)
  local all = 0
  for _, thread in ipairs(threads) do all = all + thread:get("total") end
  local errors = summary.errors
  print(string.format(
    '{"sent":%d,"answered":%d,"refused":%d,"broken":%d,"us":%d,"p50":%d,"p95":%d,"p99":%d}',
    all, summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration, latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end
