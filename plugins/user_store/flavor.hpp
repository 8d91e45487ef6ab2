// What the two plugins differ in. A constant.
#pragma once

namespace user_store {

struct Flavor {
  const char* prefix;   // of the settings: "auth.user"
  const char* key;      // "username"
  const char* command;  // "users"
  const char* noun;     // "user"
  const char* file;     // in the plugin's directory
  bool by_client_id;    // the name is the client id
  bool scram;           // SCRAM-SHA-256 is offered, if the settings want it
};

}  // namespace user_store
