// What Redis itself carries out when something is learnt, whole or not at all: three scripts of the
// pieces below. Classes are named as Rspamd names them; "-" is none.
//
// A token whose key holds no counts (somebody else's text, a number that is none) is passed over:
// the rest of the message counts. Where the keys of the statistics themselves are of a wrong type
// nothing is changed, and the script says so.
#pragma once

#include <string>
#include <string_view>

namespace winnow {

// decide(first, last): what this record does to the message: the class that it has and the one that
// it gets. KEYS[1] is the mark, KEYS[first] to KEYS[last] the ids. ARGV: seconds, id, short id,
// wanted class, ids a key.
constexpr std::string_view kDecide = R"lua(
local function class_of(said)
  if said == '1' or said == 'S' then return 'spam' end
  if said == '0' or said == '-1' or said == 'H' then return 'ham' end
  return said
end
local function decide(first, last)
  local said = redis.call('GET', KEYS[1])
  if said then return said, true end
  local id, short, want, most = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
  local from, where = '-', nil
  for i = first, last do
    local class = redis.call('HGET', KEYS[i], id) or redis.call('HGET', KEYS[i], short)
    if class then
      from, where = class_of(class), KEYS[i]
      break
    end
  end
  if want == '-' then
    if where then redis.call('HDEL', where, id, short) end
  elseif want ~= from then
    if where and where ~= KEYS[first] then redis.call('HDEL', where, id, short) end
    if last > first and redis.call('HLEN', KEYS[first]) >= 2 * most then
      for i = last - 1, first, -1 do
        if redis.call('EXISTS', KEYS[i]) == 1 then redis.call('RENAME', KEYS[i], KEYS[i + 1]) end
      end
    end
    local long, brief = want, want
    if want == 'spam' then long, brief = '1', '1' end
    if want == 'ham' then long, brief = '-1', '0' end
    redis.call('HSET', KEYS[first], id, long, short, brief)
  end
  said = from .. ' ' .. want
  redis.call('SET', KEYS[1], said, 'EX', ARGV[1])
  return said, false
end
)lua";

// change(key, from, to, n, low): n less of one field, n more of another; 1 where the key holds no
// counts. `low`: what is below it is gone; in a Cluster the more of another record may come after
// its less.
constexpr std::string_view kChange = R"lua(
local function change(key, from, to, n, low)
  if from == to then return 0 end
  if from then
    local left = redis.pcall('HINCRBY', key, from, -n)
    if type(left) ~= 'number' then return 1 end
    if left == 0 or left < low then redis.call('HDEL', key, from) end
  end
  if to and type(redis.pcall('HINCRBY', key, to, n)) ~= 'number' then return 1 end
  return 0
end
)lua";

// All in one, where all keys are on one server; says the classes, and how many tokens were passed
// over. KEYS: mark, ids, KEY, the wanted class' set, tokens. ARGV: as decide, the number of ids,
// fields of classes ("spam=S:learns_spam ham=H:learns_ham "), then a count for each token.
constexpr std::string_view kLearnEnd = R"lua(
local ids = tonumber(ARGV[6])
local key, set = KEYS[ids + 2], KEYS[ids + 3]
local function need(name, kind)
  local found = redis.call('TYPE', name).ok
  if found == kind or found == 'none' then return nil end
  return redis.error_reply('WRONGTYPE ' .. name .. ' is a ' .. found .. ' and no ' .. kind)
end
local wrong = need(key, 'hash')
for i = 2, ids + 1 do wrong = wrong or need(KEYS[i], 'hash') end
if ARGV[4] ~= '-' then wrong = wrong or need(set, 'set') end
if wrong then return wrong end
local said, again = decide(2, ids + 1)
local from, to = string.match(said, '^(%S+) (%S+)')
if again or from == to then return said end
local fields, learns = {}, {}
for class, field, learnt in string.gmatch(ARGV[7], '(%S+)=(%S+):(%S+) ') do
  fields[class], learns[class] = field, learnt
end
local function stands(of, class, other)
  if class == '-' then return nil end
  return of[class] or other
end
local less, more = stands(fields, from, from), stands(fields, to, to)
local passed = 0
for i = ids + 4, #KEYS do
  passed = passed + change(KEYS[i], less, more, tonumber(ARGV[i - ids + 4]), 0)
end
if to ~= '-' then redis.call('SADD', set, key) end
less = stands(learns, from, 'learns_' .. string.lower(from))
more = stands(learns, to, 'learns_' .. string.lower(to))
change(key, less, more, 1, 0)
redis.call('HSET', key, 'version', '2')
return said .. ' ' .. passed
)lua";

// KEYS: mark, ids. ARGV: as decide.
constexpr std::string_view kDecideEnd = R"lua(
local said = decide(2, 2)
return said
)lua";

// KEYS: mark, then keys of one slot. ARGV: seconds, field that gets less, field that gets more (""
// for none), a count for each key. Returns how many keys were passed over; -1: it was done before.
constexpr std::string_view kCountEnd = R"lua(
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then return -1 end
local from, to = ARGV[2], ARGV[3]
if from == '' then from = nil end
if to == '' then to = nil end
local passed = 0
for i = 2, #KEYS do
  passed = passed + change(KEYS[i], from, to, tonumber(ARGV[i + 2]), -9007199254740992)
end
return passed
)lua";

inline const std::string& redis_learn_script() {
  static const std::string text = std::string(kDecide).append(kChange).append(kLearnEnd);
  return text;
}
inline const std::string& redis_decide_script() {
  static const std::string text = std::string(kDecide).append(kDecideEnd);
  return text;
}
inline const std::string& redis_count_script() {
  static const std::string text = std::string(kChange).append(kCountEnd);
  return text;
}

}  // namespace winnow
