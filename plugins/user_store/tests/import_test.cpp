// Files of other programs.
#include <doctest/doctest.h>

#include <algorithm>
#include <keel/test/process.hpp>

#include "user_store/import.hpp"
#include "user_store/password.hpp"

using namespace user_store;

namespace {

constexpr const char* kBcrypt = "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a";
constexpr const char* kSha256 =
    "7666c73ae7b8a41de64b0128607f4dca586b8ecd01b17935c55abe44d2f26822";  // of "abcdsecret"

keel::Result<std::vector<Entry>> read(std::string_view text, const char* key = "username",
                                      const char* how = "sha256") {
  REQUIRE(crypto_ready());
  ImportOptions options;
  options.name_key = key;
  options.how = *ForeignHash::parse(how);
  return parse_import(text, "f", options);
}

// The names in order, of entries whose password is "secret".
std::string names(const keel::Result<std::vector<Entry>>& result) {
  if (!result) return std::string(result.text());
  std::string out;
  for (const Entry& entry : *result) {
    out += verify(UserValue(entry.value).hash(), "secret") ? entry.name : "(" + entry.name + ")";
    out += ' ';
  }
  return out;
}

}  // namespace

TEST_CASE("a password file of Mosquitto") {
  // ann by mosquitto_passwd 2.0.11, bob by sha512 of "secret" and bytes 0..11
  const std::string text =
      "# made by hand\n"
      "ann:$7$101$8Ml/jnZ76XN2XChz$+HBnx5YqupeARkrhmHpdGSn93gdpq6TbdkjtsrfQ+"
      "sVjZonPt9vsbrxdQqITJZn0byGMuaR+jlhXtCsxb4G35A==\r\n"
      "\n"
      "bob:$6$AAECAwQFBgcICQoL$JqsxEv/ucyxjA5DKsQ+Y8CDWaQDNQI9FpAkmfwAqWfwZLk/"
      "JEGgM0EpylrJHAZKKyFQjJeZ3nFaHjPzOzPPmPw==";
  CHECK(names(read(text)) == "ann bob ");
  CHECK(names(read(text, "clientid")) == "ann bob ");
  CHECK(names(read("")) == "");
}

TEST_CASE("CSV with hashes, with passwords, with quotes") {
  CHECK(names(read(std::string("username,password_hash,salt\nann,") + kSha256 + ",abcd\n")) ==
        "ann ");
  CHECK(
      names(read(std::string("\xEF\xBB\xBF") + "salt,user_id,password_hash,is_superuser\r\nabcd," +
                 "ann," + kSha256 + ",true\r\n")) == "ann ");
  CHECK(names(read(std::string("username,password_hash\n\"a,b\"\"c\",") + kBcrypt + '\n')) ==
        "a,b\"c ");
  CHECK(names(read("username,password\nann,secret\n#bob,secret\n")) == "ann #bob ");
  CHECK(names(read("clientid,password\nsensor-1,secret\n", "clientid")) == "sensor-1 ");
  CHECK(names(read("username,password_hash\nann,secret\n", "username", "plain")) == "ann ");
  // Passwords do not stay in the clear.
  const auto plain = read("username,password\nann,secret\n");
  CHECK(plain->at(0).value.find("secret") == std::string::npos);
}

TEST_CASE("JSON of EMQ X") {
  const std::string record =
      "AAH+/"
      "2FlMTQzN2VmZTc2NTg5YzM4M2E1NmM5ZmYzMDBkY2M1ZDAyZDUzMzU2NjJiZTMyMWM4YjNjZDdhMzg2NWE0M2I=";
  CHECK(names(read(R"({"version":"4.2","auth_clientid":[{"clientid":"c","password":"x"}],)"
                   R"("auth_username":[{"username":"ann","password":")" +
                   record + "\"}]}")) == "ann ");
  CHECK(names(read(R"([{"user_id":"ann","password_hash":")" + std::string(kSha256) +
                   R"(","salt":"abcd","is_superuser":true}])")) == "ann ");
  CHECK(names(read(R"([{"username":"ann","password":"secret"},{"username":"bob","password":")" +
                   std::string(kBcrypt) + "\"}]")) == "ann bob ");
  CHECK(names(read(R"({"auth_clientid":[{"clientid":"c","password":"secret"}]})", "clientid")) ==
        "c ");
}

TEST_CASE(
    "a whole export of EMQ X: users of the dashboard stay out, auth_mnesia is for both kinds") {
  const std::string begin =
      R"({"version":"4.3","users":[{"username":"admin","password":"public"}],)";
  const std::string all = begin + R"("auth_mnesia":[)"
                                  R"({"login":"ann","type":"username","password":"secret"},)"
                                  R"({"login":"c1","type":"clientid","password":"secret"}]})";
  CHECK(names(read(all)) == "ann ");
  CHECK(names(read(all, "clientid")) == "c1 ");
  CHECK(names(read(begin + R"("auth_username":[{"username":"bob","password":"secret"}],)" +
                   R"("auth_mnesia":[{"login":"ann","password":"secret"}]})")) == "bob ann ");
  CHECK(names(read(begin + R"("auth_mnesia":[]})")) == "");
  CHECK(read(begin + R"("x":1})").text().find("no list of users") != std::string_view::npos);
}

TEST_CASE("a mistake names its line, and nothing is imported") {
  struct Case {
    std::string text;
    const char* part;
  };
  const std::string csv = "username,password_hash\n", json = R"([{"username":"a","password":"x"},)";
  for (const Case& one : std::initializer_list<Case>{
           {"hello\n", "f:1: not of the form name:hash"},
           {"ann:secret\n", "f:1: the password is not hashed"},
           {"ann:$9$x\n", "f:1: not a hash of a known format"},
           {std::string(":") + kBcrypt, "f:1: the name is empty"},
           {std::string("a\x01:") + kBcrypt, "control characters"},
           {std::string("a\xff:") + kBcrypt, "UTF-8"},
           {std::string("ann:") + kBcrypt + "\nbob:" + kBcrypt + "\nann:" + kBcrypt,
            "f:3: the name stands there twice"},
           {csv + "ann\n", "f:2: it has more or fewer fields"},
           {csv + "ann,x,y\n", "f:2: it has more or fewer fields"},
           {csv + "\"ann,x\n", "f:2: the quotes do not match"},
           {csv + "a\"n\"n,x\n", "f:2: the quotes do not match"},
           {csv + "ann,xyz\n", "f:2: the hash is neither"},
           {csv + "ann,5ebe2294ecd0e0f08eab7690d2a6ee69\n", "password_hash says sha256"},
           {"username,password\nann,\n", "f:2: the password is empty"},
           {"username,password,role\nann,x,y\n", "column role"},
           {"username,salt\nann,x\n", "f:1: not of the form"},
           {"{", "this begins like JSON, but is none"},
           {"[1]", "f:1: the entry is no object"},
           {"{\"x\":[]}", "no list of users"},
           {json + "{}]", "f:2: the name is empty"},
           {json + R"({"username":"b"}])", "f:2: it has neither"},
           {json + R"({"username":"b","password":7}])", "f:2: it has neither"}}) {
    CAPTURE(one.text);
    const auto result = read(one.text);
    REQUIRE(!result);
    CHECK_MESSAGE(result.text().find(one.part) != std::string_view::npos, result.text());
    CHECK(result.text().ends_with("nothing was imported"));
    CHECK(result.text().find("secret") == std::string_view::npos);
  }
  std::string many;
  for (int i = 0; i < 30; ++i) many += "bad\n";
  CHECK(read(many).text().find("and 10 more") != std::string_view::npos);
}

TEST_CASE("files that cannot be read") {
  const keel::test::TempDir dir;
  CHECK(read_import(dir.path("none"), {}).text().find("No such file") != std::string_view::npos);
  CHECK(read_import(dir.path(), {}).text().find("is no file") != std::string_view::npos);
  keel::test::write_file(dir.path("f"), std::string("ann:") + kBcrypt + "\n");
  std::size_t said = 0;
  const auto result = read_import(dir.path("f"), {.progress = [&](std::size_t n) { said = n; }});
  REQUIRE(result);
  CHECK(result->size() == 1);
  CHECK(said == 0);
}
