// The exports of EMQ X in JSON. The lines of messages count entries here.
#include <boost/json.hpp>

#include <vector>

#include "user_store/import.hpp"
#include "user_store/password.hpp"

namespace user_store {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostBytes = std::size_t{256} << 20;

// The lists themselves: the root, or the members of an export that hold them. What an export of EMQ
// X (it states its "version") calls users are those of the dashboard.
std::vector<const json::array*> find_users(const json::value& root, const ImportOptions& options) {
  if (root.is_array()) return {&root.get_array()};
  if (!root.is_object()) return {};
  const json::object& object = root.get_object();
  const bool by_user = options.name_key == "username";
  std::vector<const char*> keys = {by_user ? "auth_username" : "auth_clientid",
                                   by_user ? "auth_user" : "auth_client", "auth_mnesia"};
  if (!object.contains("version")) keys.insert(keys.end(), {"users", "data"});
  std::vector<const json::array*> lists;
  for (const char* key : keys) {
    const json::value* const found = object.if_contains(key);
    if (found && found->is_array()) lists.push_back(&found->get_array());
  }
  return lists;
}

std::string_view text_of(const json::object& object, std::string_view key) {
  const json::value* const found = object.if_contains(key);
  if (!found || !found->is_string()) return {};
  const json::string& text = found->get_string();
  return {text.data(), text.size()};
}

StoredForm password_of(const json::object& user, const ImportOptions& options) {
  if (const std::string_view hash = text_of(user, "password_hash"); !hash.empty()) {
    return to_stored(options.how, hash, text_of(user, "salt"));
  }
  const std::string_view password = text_of(user, "password");
  if (password.empty()) return {{}, "it has neither a password_hash nor a password"};
  if (auto record = from_emqx_record(password)) return {std::move(*record), {}};
  if (password.starts_with('$')) return to_stored(options.how, password, {});
  return {make_quick(password), {}};
}

// An entry of auth_mnesia has its name in `login`, and says by `type` whether that is a user's or a
// client's.
void add_user(std::size_t number, const json::value& user, const ImportOptions& options,
              ImportBuilder& builder) {
  if (!user.is_object()) return builder.problem(number, "the entry is no object");
  const json::object& object = user.get_object();
  const std::string_view type = text_of(object, "type");
  if (!type.empty() && type != options.name_key) return;
  std::string_view name = text_of(object, options.name_key);
  for (const char* key : {"user_id", "login"})
    if (name.empty()) name = text_of(object, key);
  builder.add(number, name, password_of(object, options));
}

}  // namespace

void parse_json_users(std::string_view text, const ImportOptions& options, ImportBuilder& builder) {
  if (text.size() > kMostBytes) return builder.problem(1, "JSON of more than 256 MiB; split it");
  json::monotonic_resource memory;
  json::error_code error;
  const json::value root = json::parse({text.data(), text.size()}, error, &memory);
  if (error) return builder.problem(1, "this begins like JSON, but is none: " + error.message());
  const auto lists = find_users(root, options);
  if (lists.empty()) {
    return builder.problem(
        1, options.name_key == "username"
               ? "no list of users: neither an array nor auth_username or auth_mnesia in it"
               : "no list of clients: neither an array nor auth_clientid or auth_mnesia in it");
  }
  std::size_t number = 0;
  for (const json::array* const users : lists) {
    for (const json::value& user : *users) add_user(++number, user, options, builder);
  }
}

}  // namespace user_store
