-- What wrk sends. wrk gives a script no options of its own worth having, so they come in the environment (see wrk.ts).
local mode = os.getenv("BENCH_MODE")
local before = os.getenv("BENCH_PATH_BEFORE")
local after = os.getenv("BENCH_PATH_AFTER")
local size = tonumber(os.getenv("BENCH_SIZE_BYTES"))
local keys = tonumber(os.getenv("BENCH_KEYS"))
local run = os.getenv("BENCH_RUN")
local headers = {}
for name, value in os.getenv("BENCH_HEADERS"):gmatch("([^:\n]+): ([^\n]*)") do headers[name] = value end

local sent = 0
local gets = {}
local tail
local query

function init()
  math.randomseed(tonumber(run, 16))
  for key = 0, keys - 1 do
    gets[key] = wrk.format("GET", before .. string.format("%016x", key) .. after, headers)
  end
  if mode == "put" or mode == "mixed" then
    local random = io.open("/dev/urandom", "rb")
    tail = random:read(size - 16)
    random:close()
  end
  if mode == "query" then
    local hashes = {}
    for key = 0, 99 do hashes[key + 1] = string.format('"%016x"', key) end
    headers["content-type"] = "application/json"
    local body = '{"hashes":[' .. table.concat(hashes, ",") .. "]}"
    query = wrk.format("POST", before:sub(1, -2), headers, body)
  end
end

local function get() return gets[sent % keys] end

-- No two bodies are the same, and no two keys: 8 digits of this run, 8 of this request.
local function put()
  local key = run .. string.format("%08x", sent)
  return wrk.format("PUT", before .. key .. after, headers, key .. tail)
end

local function miss()
  local key = string.format("%08x%08x", math.random(0, 2 ^ 31 - 1) + 2 ^ 31, math.random(0, 2 ^ 31 - 1))
  return wrk.format("GET", before .. key .. after, headers)
end

function request()
  sent = sent + 1
  if mode == "get" then return get() end
  if mode == "miss" then return miss() end
  if mode == "put" then return put() end
  if mode == "query" then return query end
  if sent % 10 == 0 then return put() end
  return get()
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"bytes":%d,"durationMs":%.3f,"p50Ms":%.3f,"p99Ms":%.3f,"refused":%d,"broken":%d}\n',
    summary.requests, summary.bytes, summary.duration / 1000,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
end
