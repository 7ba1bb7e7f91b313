// Hot path. One call into JS per loop turn; the answers stand in shared memory when it returns.
#include "celeris/turn.h"

#include <algorithm>

#include "celeris/answers.h"
#include "celeris/closing.h"
#include "celeris/receive.h"

namespace celeris {

namespace {

/// Calls dispatch(base, requests, events). The microtask queue is drained before this returns.
/// False: it threw.
bool call_dispatch(Turn& turn, std::uint32_t requests, std::uint32_t events) {
  napi_value arguments[3], receiver, function, result;
  napi_create_uint32(turn.env, 0, &arguments[0]);
  napi_create_uint32(turn.env, requests, &arguments[1]);
  napi_create_uint32(turn.env, events, &arguments[2]);
  if (napi_get_reference_value(turn.env, turn.dispatch, &function) != napi_ok ||
      napi_get_reference_value(turn.env, turn.resource, &receiver) != napi_ok ||
      function == nullptr) {
    turn.dead = true;
    return false;
  }
  const napi_status status =
      napi_make_callback(turn.env, turn.context, receiver, function, 3, arguments, &result);
  if (status == napi_ok) return true;
  napi_value exception;
  bool pending = false;
  if (napi_is_exception_pending(turn.env, &pending) == napi_ok && pending &&
      napi_get_and_clear_last_exception(turn.env, &exception) == napi_ok) {
    napi_fatal_exception(turn.env, exception);
  } else {
    turn.dead = true;
  }
  return false;
}

/// dispatch threw: whatever of its batch has no answer never will have one (C6).
void close_unanswered(Loop& loop, std::uint32_t requests) {
  const RequestRecord* records = loop.records<RequestRecord>(REQUESTS_OFFSET);
  for (std::uint32_t index = 0; index < requests; index++) {
    Connection* connection = loop.table.find(static_cast<std::uint32_t>(records[index].slot),
                                             static_cast<std::uint32_t>(records[index].generation));
    if (connection == nullptr || connection->owed() == 0) continue;
    loop.count(COUNTER_ERRORS);
    close_connection(loop, *connection, true);
  }
}

/// One batch: into JS and back, then out to the sockets.
void dispatch_batch(Loop& loop, Turn& turn) {
  const std::uint32_t requests = loop.requests, events = loop.events;
  napi_handle_scope scope;
  if (napi_open_handle_scope(turn.env, &scope) != napi_ok) {
    turn.dead = true;
    return;
  }
  loop.counters[COUNTER_BATCH_MAX] =
      std::max<std::uint64_t>(loop.counters[COUNTER_BATCH_MAX], requests);
  loop.count(COUNTER_TURNS);
  loop.control()[CONTROL_REQUEST_COUNT] = static_cast<std::int32_t>(requests);
  loop.control()[CONTROL_EVENT_COUNT] = static_cast<std::int32_t>(events);
  loop.control()[CONTROL_TIME_LOW] =
      static_cast<std::int32_t>(static_cast<std::uint32_t>(loop.epoch_ms));
  loop.control()[CONTROL_TIME_HIGH] = static_cast<std::int32_t>(loop.epoch_ms >> 32);
  loop.control()[CONTROL_TURN_MICROSECONDS] = static_cast<std::int32_t>(loop.turn_us);
  const bool good = call_dispatch(turn, requests, events);
  if (loop.control()[CONTROL_PENDING_HEADS] != 0 && !turn.dead) {
    call_dispatch(turn, 0, 0);
    loop.control()[CONTROL_PENDING_HEADS] = 0;
  }
  napi_close_handle_scope(turn.env, scope);
  // Events that came while JS ran (it may flush) stand behind those it was handed.
  EventRecord* records = loop.records<EventRecord>(EVENTS_OFFSET);
  std::copy(records + events, records + loop.events, records);
  loop.events -= events;
  loop.requests = loop.fields = 0;
  drain_answers(loop);
  if (!good) close_unanswered(loop, requests);
}

}  // namespace

void run_batch(Loop& loop) {
  Turn& turn = *loop.turn;
  // Each further round only tells of connections that the one before closed, so this ends.
  do {
    if (turn.dead) loop.requests = loop.events = loop.fields = 0;
    if (loop.requests > 0 || loop.events > 0) dispatch_batch(loop, turn);
    end_of_turn(loop);
  } while (loop.requests > 0 || loop.events > 0);
  loop.fields = 0;
}

void run_turn(Loop& loop) {
  // Late answers first: a batch must not find them in its way. Before anything is parsed, too: one
  // that ends its connection tells so in an event, and events stand before the requests of a batch,
  // so a request of that connection would never hear of it.
  drain_answers(loop);
  take_received(loop);
  run_batch(loop);
  // Nothing is in the batch; what was received and is still incomplete was kept by its connections.
  loop.input_used = 0;
}

}  // namespace celeris
