// Placeholder: proves the toolchain until the loop registers its exports here.
#include <node_api.h>

static napi_value init(napi_env env, napi_value exports) {
  napi_value placeholder;
  if (napi_get_boolean(env, true, &placeholder) == napi_ok) {
    napi_set_named_property(env, exports, "placeholder", placeholder);
  }
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
