#pragma once
#include "celeris/loop.h"

namespace celeris {

/// Closes when everything owed and queued is out: shutdown, then input is discarded for a while
/// (CLOSE-3).
void begin_staged_close(Loop& loop, Connection& connection);
/// Ends a connection now. Its slot is recycled at the end of the turn; core hears of it when
/// answers were owed.
void close_connection(Loop& loop, Connection& connection, bool reset);
/// What remains to be done once the descriptor is gone: state freed, slot recycled at the end of
/// the turn.
void retire_connection(Loop& loop, Connection& connection);
/// Discards input of a lingering connection.
void discard_input(Loop& loop, Connection& connection);
/// Acts on FINs and recycles closed slots. May add events to the batch.
void end_of_turn(Loop& loop);

}  // namespace celeris
