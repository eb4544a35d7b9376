-- States of jobs and of live sessions, and what each may become. A state that is not here may not change.
local NEXT = {
  receiving = { running = true, assembling = true, failed = true, cancelled = true },
  running = { assembling = true, failed = true, cancelled = true },
  assembling = { done = true, failed = true, cancelled = true },
  open = { detached = true, finishing = true, closed = true },
  detached = { open = true, finishing = true, closed = true },
  finishing = { closed = true },
}

local function is_final(state) return NEXT[state] == nil end

-- has_items(state): true while items of the job or session may be taken and given back.
local function has_items(state) return state ~= 'assembling' and not is_final(state) end

-- change_state(key, from, to, field, value, …): the only way in which a state changes; the fields are written with it. Raises an error for a step that the states do not know.
local function change_state(key, from, to, ...)
  if not (NEXT[from] and NEXT[from][to]) then error('a state may not change from ' .. tostring(from) .. ' to ' .. tostring(to)) end
  redis.call('HSET', key, 'state', to, ...)
end
