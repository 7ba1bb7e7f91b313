{
  # In the workspace the shared C++ is read from packages/engine/native, in a tarball from its copy.
  "variables": {
    "shared%": "<!(node -p \"require('fs').existsSync('shared/src')?'shared':'../../engine/native'\")"
  },
  "targets": [
    {
      "target_name": "celeris_epoll",
      "sources": ["addon.cc", "unity.cc"],
      "include_dirs": ["<(shared)/include", "<(shared)/src"],
      "defines": ["NAPI_VERSION=8"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fno-exceptions", "-fno-rtti"],
      "cflags_cc": [
        "-std=c++20",
        "-O2",
        "-fno-exceptions",
        "-fno-rtti",
        "-fvisibility=hidden",
        "-ffunction-sections",
        "-fdata-sections"
      ],
      "ldflags": ["-Wl,-z,now", "-Wl,-z,relro", "-Wl,--gc-sections"]
    }
  ]
}
