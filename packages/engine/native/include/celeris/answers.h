#pragma once
#include "celeris/loop.h"

namespace celeris {

/// Takes all response records: groups them by connection, keeps request order, sends once per
/// connection.
void drain_answers(Loop& loop);
/// The kernel takes output again: sends what is queued.
void flush_output(Loop& loop, Connection& connection);
/// Sends 100 Continue when it is owed, asked for, and its turn (EXP-3).
void send_continue(Loop& loop, Connection& connection);
/// The stash entry of a sequence, made when missing; the list is in sequence order. Null: no
/// memory.
StashedAnswer* stash_entry(Connection& connection, std::uint32_t sequence);
/// Adds a complete answer of the engine itself, in the place of `sequence`, after which the
/// connection closes.
void answer_and_close(Loop& loop, Connection& connection, std::uint32_t sequence,
                      const std::uint8_t* bytes, std::uint32_t count);

}  // namespace celeris
