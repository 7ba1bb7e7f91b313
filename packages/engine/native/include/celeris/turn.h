#pragma once
#include <node_api.h>

#include "celeris/loop.h"

namespace celeris {

/// The JS side of a loop: the dispatch function and the async context it is called in.
struct Turn {
  napi_env env = nullptr;
  napi_ref dispatch = nullptr;
  napi_ref resource = nullptr;
  napi_async_context context = nullptr;
  bool dead = false;  ///< the environment no longer runs JS
};

}  // namespace celeris
