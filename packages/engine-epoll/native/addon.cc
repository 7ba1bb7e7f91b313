// The functions JS calls on an engine. Arguments are validated by core before they come here.
#include <node_api.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "celeris/answers.h"
#include "celeris/closing.h"
#include "celeris/commands.h"
#include "celeris/drain.h"
#include "celeris/listener.h"
#include "celeris/loop.h"
#include "celeris/turn.h"
#include "celeris/uv_driver.h"
#include "epoll_loop.h"

#ifdef CELERIS_FAULTS  // the test build (engines.md §1.3); a release has no such file
#include "../faults/faults.cc"
#endif

namespace celeris {

namespace {

/// One engine. Owned by the JS handle and, while it runs, by its libuv handles: freed when both
/// have let go.
struct Engine {
  Loop loop;
  LoopIo io;
  Turn turn;
  Drain drain;
  UvDriver driver{loop, turn, drain};
  napi_ref memory = nullptr;
  napi_ref closed = nullptr;
  napi_ref warn = nullptr;
  napi_async_cleanup_hook_handle cleanup = nullptr;
  std::uint32_t owners = 1;
};

void release(Engine* engine) {
  if (--engine->owners == 0) delete engine;
}

void finalize(napi_env, void* data, void*) { release(static_cast<Engine*>(data)); }

/// Typed reads of an options object.
class Options {
 public:
  Options(napi_env env, napi_value object) : env_(env), object_(object) {}
  [[nodiscard]] double number(const char* name) const {
    double value = 0;
    napi_get_value_double(env_, get(name), &value);
    return value;
  }
  [[nodiscard]] std::uint32_t u32(const char* name) const {
    return static_cast<std::uint32_t>(number(name));
  }
  [[nodiscard]] bool boolean(const char* name) const {
    bool value = false;
    napi_get_value_bool(env_, get(name), &value);
    return value;
  }
  [[nodiscard]] std::string text(const char* name) const { return text_of(get(name)); }
  [[nodiscard]] napi_value get(const char* name) const {
    napi_value value = nullptr;
    napi_get_named_property(env_, object_, name, &value);
    return value;
  }
  [[nodiscard]] std::string text_of(napi_value value) const {
    std::size_t length = 0;
    if (napi_get_value_string_utf8(env_, value, nullptr, 0, &length) != napi_ok) return {};
    std::string text(length, '\0');
    napi_get_value_string_utf8(env_, value, text.data(), length + 1, &length);
    return text;
  }

 private:
  napi_env env_;
  napi_value object_;
};

void warn(void* owner, const char* message) {
  Engine* engine = static_cast<Engine*>(owner);
  napi_env env = engine->turn.env;
  napi_handle_scope scope;
  if (engine->turn.dead || napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value function, receiver, argument, result;
  if (napi_get_reference_value(env, engine->warn, &function) == napi_ok &&
      napi_get_global(env, &receiver) == napi_ok &&
      napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &argument) == napi_ok) {
    napi_call_function(env, receiver, function, 1, &argument, &result);
    napi_value ignored;
    napi_get_and_clear_last_exception(env, &ignored);
  }
  napi_close_handle_scope(env, scope);
}

void drop_references(Engine* engine) {
  napi_env env = engine->turn.env;
  for (napi_ref* reference : {&engine->turn.dispatch, &engine->turn.resource, &engine->memory,
                              &engine->closed, &engine->warn}) {
    if (*reference != nullptr) napi_delete_reference(env, *reference);
    *reference = nullptr;
  }
  if (engine->turn.context != nullptr) napi_async_destroy(env, engine->turn.context);
  engine->turn.context = nullptr;
}

/// libuv has let go of the last handle: tell JS and give everything back.
void stopped(void* owner) {
  Engine* engine = static_cast<Engine*>(owner);
  napi_env env = engine->turn.env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) == napi_ok) {
    if (!engine->turn.dead) {
      napi_value function, receiver, result, arguments[3];
      const Drain& drain = engine->drain;
      const std::uint32_t numbers[3] = {drain.connections - std::min(drain.connections, drain.cut),
                                        drain.cut, engine->loop.now_ms - drain.started_ms};
      for (std::uint32_t k = 0; k < 3; k++) napi_create_uint32(env, numbers[k], &arguments[k]);
      if (napi_get_reference_value(env, engine->closed, &function) == napi_ok &&
          napi_get_global(env, &receiver) == napi_ok) {
        napi_make_callback(env, engine->turn.context, receiver, function, 3, arguments, &result);
      }
    }
    drop_references(engine);
    napi_close_handle_scope(env, scope);
  }
  engine->loop.block = nullptr;
  if (engine->cleanup != nullptr) napi_remove_async_cleanup_hook(engine->cleanup);
  release(engine);
}

void drained(void* owner) {
  Engine* engine = static_cast<Engine*>(owner);
  end_of_turn(engine->loop);
  engine->io.epoll.reset();
  engine->io.reserve.reset();
  engine->driver.stop(stopped, engine);
}

/// Set-up failed half way: the handles that exist are closed before the engine goes.
void discarded(void* owner) { release(static_cast<Engine*>(owner)); }

/// The environment goes away with the engine running: reset everything, JS is not called again.
void clean_up(napi_async_cleanup_hook_handle, void* data) {
  Engine* engine = static_cast<Engine*>(data);
  engine->turn.dead = true;
  abandon_connections(engine->loop);
  engine->driver.stop(stopped, engine);
}

Engine* engine_of(napi_env env, napi_callback_info info, std::size_t* count,
                  napi_value* arguments) {
  void* data = nullptr;
  if (napi_get_cb_info(env, info, count, arguments, nullptr, nullptr) != napi_ok || *count < 1 ||
      napi_get_value_external(env, arguments[0], &data) != napi_ok) {
    napi_throw_type_error(env, "CELERIS_ENGINE_STATE", "not an engine handle");
    return nullptr;
  }
  return static_cast<Engine*>(data);
}

void throw_system_error(napi_env env, int error, const char* syscall) {
  napi_value message, code, exception, number, call;
  napi_create_string_utf8(env, std::strerror(error), NAPI_AUTO_LENGTH, &message);
  napi_create_string_utf8(env, "CELERIS_SYSTEM", NAPI_AUTO_LENGTH, &code);
  napi_create_error(env, code, message, &exception);
  napi_create_int32(env, error, &number);
  napi_create_string_utf8(env, syscall, NAPI_AUTO_LENGTH, &call);
  napi_set_named_property(env, exception, "errno", number);
  napi_set_named_property(env, exception, "syscall", call);
  napi_throw(env, exception);
}

void read_config(const Options& options, Engine& engine) {
  LoopConfig& config = engine.loop.config;
  config.head.head_bytes_max = options.u32("maxHeaderBytes");
  config.head.fields_max = options.u32("maxHeaders");
  config.head.body_bytes_max = static_cast<std::uint64_t>(
      std::min(options.number("maxRequestBodySize"), 9007199254740991.0));
  config.inline_body_max = std::min(options.u32("bufferedBodySize"), INLINE_BODY_BYTES_MAX);
  config.read_timeout_ms = options.u32("readTimeoutMs");
  config.header_timeout_ms = options.u32("readHeaderTimeoutMs");
  config.write_timeout_ms = options.u32("writeTimeoutMs");
  config.idle_timeout_ms = options.u32("idleTimeoutMs");
  config.connections_max = std::min(options.u32("maxConnections"), TABLE_SLOTS_MAX);
  config.disable_keep_alive = options.boolean("disableKeepAlive");
  config.connection_events = options.boolean("connectionEvents");
  config.tenant = static_cast<std::int32_t>(options.number("tenant"));
  engine.io.spin_us = options.u32("spinUs");
  engine.io.accept_pause = options.boolean("startPaused") ? PAUSED_BY_USER : 0;
}

void read_literals(napi_env env, const Options& options, LiteralPaths& literals) {
  napi_value list = options.get("literals");
  std::uint32_t count = 0;
  napi_get_array_length(env, list, &count);
  for (std::uint32_t k = 0; k < count; k++) {
    napi_value entry;
    napi_get_element(env, list, k, &entry);
    const Options literal(env, entry);
    literals.add(literal.text("path"), static_cast<std::int32_t>(literal.number("id")));
  }
  literals.seal();
}

ListenerOptions read_listener(const Options& options) {
  ListenerOptions listener;
  listener.host = options.text("host");
  listener.path = options.text("path");
  listener.port = static_cast<std::uint16_t>(options.u32("port"));
  listener.inherited_fd = static_cast<std::int32_t>(options.number("fd"));
  listener.backlog = static_cast<std::int32_t>(options.u32("backlog"));
  listener.recv_buffer = static_cast<std::int32_t>(options.u32("socketRecvBuffer"));
  listener.send_buffer = static_cast<std::int32_t>(options.u32("socketSendBuffer"));
  listener.reuse_port = options.boolean("reusePort");
  listener.mode = static_cast<std::int32_t>(options.number("mode"));
  return listener;
}

/// Nothing will listen after all. An inherited descriptor is its owner's again, who may try once
/// more.
void drop_listener(Listener& listener, const ListenerOptions& options) {
  if (options.inherited_fd >= 0) {
    (void)listener.fd.release();
  } else {
    close_listener(listener);
  }
}

/// open(memory, options, dispatch, closed, warn): { handle, address, port }
napi_value open(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  std::size_t count = 5;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  void* block = nullptr;
  std::size_t bytes = 0;
  if (count < 5 || napi_get_arraybuffer_info(env, arguments[0], &block, &bytes) != napi_ok ||
      bytes < BATCH_BYTES) {
    napi_throw_type_error(
        env, "CELERIS_ENGINE_STATE",
        "open(memory, options, dispatch, closed, warn): memory is not a batch block");
    return nullptr;
  }
  std::unique_ptr<Engine> engine(new (std::nothrow) Engine());
  if (engine == nullptr) {
    throw_system_error(env, ENOMEM, "malloc");
    return nullptr;
  }
  const Options options(env, arguments[1]);
  Loop& loop = engine->loop;
  loop.block = static_cast<std::uint8_t*>(block);
  loop.io = &engine->io;
  loop.turn = &engine->turn;
  engine->io.warn = warn;
  engine->io.owner = engine.get();
  read_config(options, *engine);
  read_literals(env, options, loop.literals);
  if (!loop.table.reserve(loop.config.connections_max)) {
    throw_system_error(env, ENOMEM, "mmap");
    return nullptr;
  }
  const bool native = options.boolean("native");
  uv_loop_t* uv = nullptr;
  napi_get_uv_event_loop(env, &uv);
  const ListenerOptions where = read_listener(options);
  engine->io.listener = open_listener(where);
  if (engine->io.listener.error != 0) {
    throw_system_error(env, engine->io.listener.error, engine->io.listener.syscall);
    return nullptr;
  }
  if (!open_epoll(loop, engine->io, native ? uv_backend_fd(uv) : -1, options.u32("maxEvents"))) {
    throw_system_error(env, errno, engine->io.epoll.valid() ? "epoll_ctl" : "epoll_create1");
    drop_listener(engine->io.listener, where);
    return nullptr;
  }
  napi_value name, resource;
  napi_create_string_utf8(env, "celeris.turn", NAPI_AUTO_LENGTH, &name);
  napi_create_object(env, &resource);
  engine->turn.env = env;
  napi_async_init(env, resource, name, &engine->turn.context);
  napi_create_reference(env, resource, 1, &engine->turn.resource);
  napi_create_reference(env, arguments[0], 1, &engine->memory);
  napi_create_reference(env, arguments[2], 1, &engine->turn.dispatch);
  napi_create_reference(env, arguments[3], 1, &engine->closed);
  napi_create_reference(env, arguments[4], 1, &engine->warn);
  if (!engine->driver.start(uv, native, engine->io.epoll.get())) {
    drop_references(engine.get());
    drop_listener(engine->io.listener, where);
    Engine* half_open = engine.release();
    half_open->turn.dead = true;
    half_open->driver.stop(discarded, half_open);
    napi_throw_error(env, "CELERIS_ENGINE_UNAVAILABLE",
                     "this runtime lacks the libuv functions the engine needs");
    return nullptr;
  }
  engine->owners = 2;
  engine->driver.on_drained(drained, engine.get());
  napi_add_async_cleanup_hook(env, clean_up, engine.get(), &engine->cleanup);

  napi_value result, handle, address, port;
  Engine* raw = engine.release();
  napi_create_external(env, raw, finalize, nullptr, &handle);
  napi_create_string_utf8(env, raw->io.listener.address.c_str(), NAPI_AUTO_LENGTH, &address);
  napi_create_uint32(env, raw->io.listener.port, &port);
  napi_create_object(env, &result);
  napi_set_named_property(env, result, "handle", handle);
  napi_set_named_property(env, result, "address", address);
  napi_set_named_property(env, result, "port", port);
  return result;
}

/// flush(handle)
napi_value flush(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  std::size_t count = 1;
  Engine* engine = engine_of(env, info, &count, arguments);
  if (engine != nullptr && engine->loop.block != nullptr) drain_answers(engine->loop);
  return nullptr;
}

/// pause(handle, paused)
napi_value pause(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  std::size_t count = 2;
  Engine* engine = engine_of(env, info, &count, arguments);
  if (engine == nullptr) return nullptr;
  bool paused = false;
  napi_get_value_bool(env, arguments[1], &paused);
  if (paused) {
    pause_accept(engine->io, PAUSED_BY_USER);
  } else {
    resume_accept(engine->loop, PAUSED_BY_USER);
  }
  return nullptr;
}

/// close(handle, timeoutMs): begins a drain at the next safe point, or shortens the one that runs;
/// the `closed` function is called at its end
napi_value close(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  std::size_t count = 2;
  Engine* engine = engine_of(env, info, &count, arguments);
  if (engine == nullptr) return nullptr;
  double timeout_ms = 0;
  napi_get_value_double(env, arguments[1], &timeout_ms);
  const auto within_ms = static_cast<std::uint32_t>(std::min(timeout_ms, 2147483647.0));
  request_drain(engine->loop, engine->drain, within_ms);
  return nullptr;
}

/// metrics(handle, Float64Array)
napi_value metrics(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  std::size_t count = 2;
  Engine* engine = engine_of(env, info, &count, arguments);
  if (engine == nullptr) return nullptr;
  napi_typedarray_type type;
  std::size_t length = 0, offset = 0;
  void* data = nullptr;
  napi_value buffer;
  if (napi_get_typedarray_info(env, arguments[1], &type, &length, &data, &buffer, &offset) !=
          napi_ok ||
      type != napi_float64_array || length < COUNTERS) {
    return nullptr;
  }
  Loop& loop = engine->loop;
  loop.counters[COUNTER_OWNED_BUFFERS] = loop.pool.owned_buffers();
  loop.counters[COUNTER_POOLED_BYTES] = loop.pool.pooled_bytes();
  loop.counters[COUNTER_ARENA_BYTES] =
      loop.pool.owned_bytes() + loop.pool.pooled_bytes() + loop.scratch.capacity();
  loop.counters[COUNTER_TABLE_SLOTS] = loop.table.slots();
  for (std::uint32_t k = 0; k < COUNTERS; k++)
    static_cast<double*>(data)[k] = static_cast<double>(loop.counters[k]);
  return nullptr;
}

/// peer(handle, slot, generation): [address, port] or null
napi_value peer(napi_env env, napi_callback_info info) {
  napi_value arguments[3], result, address, port;
  std::size_t count = 3;
  Engine* engine = engine_of(env, info, &count, arguments);
  if (engine == nullptr) return nullptr;
  std::uint32_t slot = 0;
  std::int32_t generation = 0;
  napi_get_value_uint32(env, arguments[1], &slot);
  napi_get_value_int32(env, arguments[2], &generation);
  Connection* connection = engine->loop.table.find(slot, static_cast<std::uint32_t>(generation));
  if (connection == nullptr) {
    napi_get_null(env, &result);
    return result;
  }
  const std::string text = address_text(connection->peer_family, connection->peer_address);
  napi_create_string_utf8(env, text.c_str(), text.size(), &address);
  napi_create_uint32(env, connection->peer_port, &port);
  napi_create_array_with_length(env, 2, &result);
  napi_set_element(env, result, 0, address);
  napi_set_element(env, result, 1, port);
  return result;
}

/// takeSocket(handle, slot, generation): [fd, bytes received and not used], or null
napi_value take_socket(napi_env env, napi_callback_info info) {
  napi_value arguments[3], result, fd, bytes;
  std::size_t count = 3;
  Engine* engine = engine_of(env, info, &count, arguments);
  if (engine == nullptr) return nullptr;
  std::uint32_t slot = 0;
  std::int32_t generation = 0;
  napi_get_value_uint32(env, arguments[1], &slot);
  napi_get_value_int32(env, arguments[2], &generation);
  Loop& loop = engine->loop;
  Connection* connection = loop.table.find(slot, static_cast<std::uint32_t>(generation));
  Buffer rest;
  const int descriptor = connection == nullptr ? -1 : take_descriptor(loop, *connection, rest);
  if (descriptor < 0) {
    napi_get_null(env, &result);
    return result;
  }
  void* copy = nullptr;
  napi_create_buffer_copy(env, rest.length, rest.data, &copy, &bytes);
  loop.pool.release(rest);
  napi_create_int32(env, descriptor, &fd);
  napi_create_array_with_length(env, 2, &result);
  napi_set_element(env, result, 0, fd);
  napi_set_element(env, result, 1, bytes);
  return result;
}

napi_value init(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"open", nullptr, open, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"flush", nullptr, flush, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"pause", nullptr, pause, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"close", nullptr, close, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"metrics", nullptr, metrics, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"takeSocket", nullptr, take_socket, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"peer", nullptr, peer, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions);
  napi_value hash;
  napi_create_string_utf8(env, LAYOUT_HASH, NAPI_AUTO_LENGTH, &hash);
  napi_set_named_property(env, exports, "layoutHash", hash);
#ifdef CELERIS_FAULTS
  faults::define(env, exports);
#endif
  return exports;
}

}  // namespace

}  // namespace celeris

NAPI_MODULE_INIT() { return celeris::init(env, exports); }
