#pragma once
#include "celeris/loop.h"

namespace celeris {

/// Whether the arena has room for one connection's turn. When not, run_turn() first.
[[nodiscard]] bool has_room(const Loop& loop);
/// Reads what a connection has, within its budget. It is parsed by take_received().
void receive(Loop& loop, Connection& connection);
/// Turns everything received into records of the batch.
void take_received(Loop& loop);
/// Puts a connection on the hot list: it has input and no edge will come.
void make_hot(Loop& loop, Connection& connection);
/// Goes once through the hot list, while the batch has room.
void receive_hot(Loop& loop);
/// The head of a connection waits for its inline body no longer.
void end_pending_body(Loop& loop, Connection& connection);
/// Files the deadline of what the connection waits for now, when that is sooner than what is filed.
void file_deadline(Loop& loop, Connection& connection);
/// Expires what is due.
void expire_deadlines(Loop& loop);
/// Adds an event record to the batch; the batch has room (has_room counts events).
void add_event(Loop& loop, const Connection& connection, std::uint32_t sequence, std::uint32_t kind,
               std::uint32_t code, std::uint32_t offset, std::uint32_t length);
/// The engine refuses the next request: an error answer in its place, then close.
void refuse(Loop& loop, Connection& connection, std::uint16_t status, bool head_method);

}  // namespace celeris
