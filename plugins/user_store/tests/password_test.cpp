// Every format of stored passwords, by vectors made elsewhere:
//   Mosquitto   python: b64(pbkdf2_hmac('sha512', b'secret', salt, 101, 64)), b64(sha512(b'secret'
//   +
//               salt)), with bytes 0..11 as the salt; and mosquitto_passwd 2.0.11 itself
//   crypt       python: crypt.crypt('secret', '$2b$05$abcdefghijklmnopqrstuu') and so on
//   argon2id    the reference implementation's test of version 19, m=2^8, t=2, p=1
//   EMQ X       python: sha256(b'abcd' + b'secret'), pbkdf2_hmac('sha256', b'secret', b'abcd',
//   1000,
//               20)
#include <doctest/doctest.h>

#include <string>

#include "user_store/foreign_hash.hpp"
#include "user_store/password.hpp"

using namespace user_store;

namespace {

struct Vector {
  const char* stored;
  Scheme scheme;
  const char* password = "secret";
};

const Vector kVectors[] = {
    {"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
     Scheme::argon2id, "password"},
    {"$7$101$AAECAwQFBgcICQoL$Xr99N9ym9ys8TWxis5ajETJq6EVYzmc6nb8t3pUYnPBbCAbICS4xejTltonXWCtJNBvA+"
     "By+TXUqU6qCblO00w==",
     Scheme::mosquitto_pbkdf2},
    {"$7$101$8Ml/"
     "jnZ76XN2XChz$+HBnx5YqupeARkrhmHpdGSn93gdpq6TbdkjtsrfQ+sVjZonPt9vsbrxdQqITJZn0byGMuaR"
     "+jlhXtCsxb4G35A==",
     Scheme::mosquitto_pbkdf2},
    {"$6$AAECAwQFBgcICQoL$JqsxEv/ucyxjA5DKsQ+Y8CDWaQDNQI9FpAkmfwAqWfwZLk/"
     "JEGgM0EpylrJHAZKKyFQjJeZ3nFa"
     "HjPzOzPPmPw==",
     Scheme::mosquitto_sha512},
    {"$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq."
     "H91p5hVO1",
     Scheme::crypt},
    {"$6$rounds=1000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/Zok96Hr8Q13LEv0DRY/"
     "x8v0/"
     "crpIjl8NJSAqXV/",
     Scheme::crypt},
    {"$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA", Scheme::crypt},
    {"$2a$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a", Scheme::crypt},
    {"$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a", Scheme::crypt},
    {"$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a", Scheme::crypt},
    {"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$GmcwIgvdUC9qLWcKCi6gklUa1dM3ziD43YxYNURLKy0", Scheme::crypt},
    {"$y$j75$F5Jx5fExrKuPp53xLKQ..1$l5YiXCKNY/N9ezall4xjJAFS/wg.kWVcFXfOzyxVn1.", Scheme::crypt},
    {"$salted$sha256$prefix$YWJjZA==$dmbHOue4pB3mSwEoYH9Nylhrjs0BsXk1xVq+RNLyaCI=", Scheme::salted},
    {"$salted$sha512$suffix$YWJjZA==$gpIcMUqzt0RlQondmbeEc/"
     "HmIdV69pfARsPgzg5Vtsfw0BMT4rcfl70xxlEukHYl5CkaIgLmipghMxv+WTEtaw==",
     Scheme::salted},
    {"$salted$md5$prefix$$Xr4ilOzQ4PCOq3aQ0qbuaQ==", Scheme::salted},
    {"$salted$sha1$prefix$$5en6G6MezRroT3XKqkdPOmY/BfQ=", Scheme::salted},
    {"$pbkdf2$sha256$1000$YWJjZA==$gcIDMcqlCv7yfEJz/38ypLmfKKY=", Scheme::pbkdf2},
    {"$pbkdf2$sha1$10$YWJjZA==$zq+gRSF2ctwrnCJzn42hhYTvd2A=", Scheme::pbkdf2},
};

}  // namespace

TEST_CASE("every format is told apart, accepts its password and no other") {
  REQUIRE(crypto_ready());
  for (const Vector& vector : kVectors) {
    CAPTURE(std::string(vector.stored));
    const Recognised known = recognise(vector.stored);
    CHECK_MESSAGE(known.ok, known.problem);
    CHECK(known.scheme == vector.scheme);
    CHECK(verify(vector.stored, vector.password));
    CHECK(!verify(vector.stored, "Secret"));
    CHECK(!verify(vector.stored, ""));
    // HMAC, and so PBKDF2, cannot tell zeros at the end.
    if (vector.scheme != Scheme::pbkdf2 && vector.scheme != Scheme::mosquitto_pbkdf2) {
      CHECK(!verify(vector.stored, std::string(vector.password) + '\0'));
    }
    // A last character that is another one, where that changes the value.
    std::string other = vector.stored;
    const std::size_t at = other.find_last_not_of("=") - 2;
    other[at] = other[at] == 'a' ? 'b' : 'a';
    CHECK(!verify(other, vector.password));
  }
}

TEST_CASE("what is no hash, or costs too much, is refused") {
  REQUIRE(crypto_ready());
  const std::string hash43(43, 'a'), hash86(86, 'a'), b64(86, 'A');
  for (const std::string& stored : std::initializer_list<std::string>{
           "",
           "secret",
           "$",
           "$1$salt$hash",
           "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65",
           "$argon2id$v=19$m=256,t=2,p=1",
           "$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65",
           "$argon2id$v=19$m=262145,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/"
           "4",
           "$argon2id$v=19$m=256,t=11,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
           "$argon2id$v=19$m=256,t=2,p=17$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
           "$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
           "$argon2id$v=19$t=2,m=256,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
           "$7$0$AAECAwQFBgcICQoL$" + b64 + "==",
           "$7$2000001$AAECAwQFBgcICQoL$" + b64 + "==",
           "$7$101$AAEC$short",
           "$7$101$!$" + b64 + "==",
           "$7$CU..../....salt$" + hash43,
           "$6$salt$short",
           "$6$saltsaltsaltsalt1$" + hash86,
           "$6$rounds=999$salt$" + hash86,
           "$6$rounds=1000001$salt$" + hash86,
           "$6$sa:t$" + hash86,
           "$5$salt$" + hash86,
           "$2b$15$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
           "$2b$03$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
           "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0",
           "$2b$",
           "$2x$05$a",
           "$y$jET$F5Jx5fExrKuPp53xLKQ..1$" + hash43,
           "$y$j9U$F5Jx5fExrKuPp53xLKQ..1$" + hash43,
           "$y$k9T$F5Jx5fExrKuPp53xLKQ..1$" + hash43,
           "$y$j9T$salt",
           "$salted$sha256$prefix$YWJjZA==$",
           "$salted$sha256$middle$YWJjZA==$dmbHOue4pB3mSwEoYH9Nylhrjs0BsXk1xVq+RNLyaCI=",
           "$salted$sha3$prefix$YWJjZA==$dmbHOue4pB3mSwEoYH9Nylhrjs0BsXk1xVq+RNLyaCI=",
           "$salted$md5$prefix$YWJjZA==$dmbHOue4pB3mSwEoYH9Nylhrjs0BsXk1xVq+RNLyaCI=",
           "$pbkdf2$sha256$0$YWJjZA==$gcIDMcqlCv7yfEJz/38ypLmfKKY=",
           "$pbkdf2$sha256$9999999$YWJjZA==$gcIDMcqlCv7yfEJz/38ypLmfKKY="}) {
    CAPTURE(stored);
    CHECK(!recognise(stored).ok);
    CHECK(!recognise(stored).problem.empty());
    CHECK(!verify(stored, "secret"));
  }
}

TEST_CASE("new hashes are argon2id, salted anew each time, and replaced when the cost changes") {
  REQUIRE(crypto_ready());
  const ArgonCost cheap{1 << 20, 1};
  const std::string one = make_argon2id("secret", cheap), two = make_argon2id("secret", cheap);
  CHECK(one.starts_with("$argon2id$v=19$m=1024,t=1,p=1$"));
  CHECK(one != two);
  CHECK(verify(one, "secret"));
  CHECK(!verify(one, "secrets"));
  CHECK(!outdated(one, cheap));
  CHECK(outdated(one, {2 << 20, 1}));
  CHECK(outdated(one, {1 << 20, 2}));
  for (const Vector& vector : kVectors) CHECK(outdated(vector.stored, cheap));
  CHECK(make_argon2id("", cheap).starts_with("$argon2id$"));
  const std::string quick = make_quick("secret");
  CHECK(recognise(quick).scheme == Scheme::salted);
  CHECK(quick != make_quick("secret"));
  CHECK(verify(quick, "secret"));
  CHECK(!verify(quick, "Secret"));
}

TEST_CASE("EMQ X's password_hash says how exports were made") {
  REQUIRE(crypto_ready());
  const std::string sha256_plain =
      "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";  // of "secret"
  const std::string sha256_abcd =
      "7666c73ae7b8a41de64b0128607f4dca586b8ecd01b17935c55abe44d2f26822";  // of "abcdsecret"
  const std::string sha512_behind =
      "82921c314ab3b744654289dd99b78473f1e621d57af697c046c3e0ce0e55b6c7f0d01313e2b71f97bd31c6512e90"
      "7"
      "625e4291a2202e68a9821331bfe59312d6b";  // of "secretabcd"
  struct Case {
    const char* setting;
    std::string hash;
    const char* salt;
  };
  for (const Case& one : std::initializer_list<Case>{
           {"plain", "secret", ""},
           {"sha256", sha256_plain, ""},
           {"sha256", sha256_abcd, "abcd"},
           {"salt,sha256", sha256_abcd, "abcd"},
           {"sha512, salt", sha512_behind, "abcd"},
           {"md5", "5EBE2294ECD0E0F08EAB7690D2A6EE69", ""},
           {"sha", "e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4", ""},
           {"pbkdf2,sha256,1000,20", "81c20331caa50afef27c4273ff7f32a4b99f28a6", "abcd"},
           {"bcrypt", "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a", ""},
           {"salt,bcrypt", "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a", "x"}}) {
    CAPTURE(one.setting);
    const auto how = ForeignHash::parse(one.setting);
    REQUIRE(how);
    const StoredForm form = to_stored(*how, one.hash, one.salt);
    CHECK_MESSAGE(!form.hash.empty(), form.problem);
    CHECK(verify(form.hash, "secret"));
    CHECK(!verify(form.hash, "secret "));
  }
  for (const char* wrong :
       {"", "sha3", "salt", "salt,salt", "sha256,sha256", "pbkdf2", "plain,salt",
        "pbkdf2,sha256,0,20", "pbkdf2,sha256,1000,7", "pbkdf2,x,1000,20"}) {
    CAPTURE(wrong);
    CHECK(!ForeignHash::parse(wrong));
  }
  const ForeignHash sha256;
  CHECK(to_stored(sha256, "5ebe2294ecd0e0f08eab7690d2a6ee69", "").problem ==
        "the hash has 16 bytes, but password_hash says sha256, which has 32");
  CHECK(to_stored(sha256, "secret", "").problem.find("hexadecimal") != std::string::npos);
  CHECK(to_stored(sha256, "", "").problem == "the hash is empty");
  CHECK(to_stored(sha256, "$9$x", "").hash.empty());
  CHECK(to_stored(*ForeignHash::parse("bcrypt"), sha256_plain, "").hash.empty());
}

TEST_CASE("a password record of EMQ X 3 and 4: four bytes of salt, then the digest") {
  REQUIRE(crypto_ready());
  // b64(bytes 00 01 fe ff + sha256(those + b'secret').hexdigest())
  const auto binary = from_emqx_record(
      "AAH+/"
      "2FlMTQzN2VmZTc2NTg5YzM4M2E1NmM5ZmYzMDBkY2M1ZDAyZDUzMzU2NjJiZTMyMWM4YjNjZDdhMzg2NWE0M2I=");
  REQUIRE(binary);
  CHECK(verify(*binary, "secret"));
  CHECK(!verify(*binary, "secret2"));
  const auto text = from_emqx_record("abcd6ad8112672f4474853ab6656fad94b76");  // md5
  REQUIRE(text);
  CHECK(verify(*text, "secret"));
  for (const char* plain : {"", "secret", "c2VjcmV0", "abcd6ad8112672f4474853ab6656fad94b7",
                            "abcdgad8112672f4474853ab6656fad94b76"}) {
    CAPTURE(plain);
    CHECK(!from_emqx_record(plain));
  }
}
