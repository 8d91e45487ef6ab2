// Topics of rules against topics and filters: tables, and a comparison with trying out every topic.
#include <doctest/doctest.h>

#include <functional>
#include <random>

#include "emqx_acl/topic_pattern.hpp"

using namespace emqx_acl;

namespace {

TopicPattern pattern(std::string_view text, Dialect dialect = Dialect::toml) {
  std::string error;
  auto made = TopicPattern::compile(text, dialect, error);
  REQUIRE_MESSAGE(made, error);
  return *made;
}

const Who kAnn{.client_id = "c1", .username = "ann", .cn = "door", .has_username = true};

bool holds(const TopicPattern& of, Relation relation, std::string_view topic, bool permit = true,
           const Who& who = kAnn) {
  return of.holds(relation, Topic(topic), Names(who), permit);
}
bool matches(std::string_view of, std::string_view topic) {
  return holds(pattern(of), Relation::matches, topic);
}
bool covers(std::string_view of, std::string_view filter) {
  return holds(pattern(of), Relation::covers, filter);
}
bool overlaps(std::string_view of, std::string_view filter) {
  return holds(pattern(of), Relation::overlaps, filter, false);
}
bool reads(std::string_view of, std::string_view filter) {
  return holds(pattern(of, Dialect::erlang), Relation::reads, filter, false);
}

}  // namespace

TEST_CASE("topics of messages") {
  CHECK(matches("a/b", "a/b"));
  CHECK(matches("a/+/c", "a/b/c"));
  CHECK(matches("a/+", "a/"));
  CHECK(matches("a/#", "a"));
  CHECK(matches("a/#", "a/b/c"));
  CHECK(matches("#", "a"));
  CHECK(matches("#", "/"));
  CHECK(matches("+/#", "a"));
  CHECK(matches("+/+", "/"));
  CHECK(matches("$SYS/#", "$SYS/broker"));
  CHECK_FALSE(matches("a/b", "a/b/"));
  CHECK_FALSE(matches("a/b", "a"));
  CHECK_FALSE(matches("a/+", "a"));
  CHECK_FALSE(matches("a/+", "a/b/c"));
  CHECK_FALSE(matches("#", "$SYS/broker"));
  CHECK_FALSE(matches("+/broker", "$SYS/broker"));
  CHECK_FALSE(matches("A/b", "a/b"));
}

TEST_CASE("an allowed filter must be covered") {
  CHECK(covers("a/#", "a/#"));
  CHECK(covers("a/#", "a"));
  CHECK(covers("a/#", "a/+/c"));
  CHECK(covers("a/+", "a/+"));
  CHECK(covers("#", "#"));
  CHECK(covers("#", "+/x"));
  CHECK(covers("+/#", "#"));
  CHECK(covers("$SYS/#", "$SYS/+/x"));
  CHECK_FALSE(covers("a/+", "a/#"));
  CHECK_FALSE(covers("a/b", "a/+"));
  CHECK_FALSE(covers("a/b", "#"));
  CHECK_FALSE(covers("a/+/c", "a/#"));
  CHECK_FALSE(covers("a/+/#", "a/#"));
  CHECK_FALSE(covers("#", "$SYS/#"));
  CHECK_FALSE(covers("+/#", "$SYS/#"));
  CHECK_FALSE(covers("$SYS/#", "#"));
}

TEST_CASE("a denied filter need only overlap") {
  CHECK(overlaps("a/b", "a/b"));
  CHECK(overlaps("a/b", "a/+"));
  CHECK(overlaps("a/b", "#"));
  CHECK(overlaps("a/b", "+/b"));
  CHECK(overlaps("a/b", "a/b/#"));
  CHECK(overlaps("a/#", "a"));
  CHECK(overlaps("a/#", "+/+/c"));
  CHECK(overlaps("a/+/c", "+/b/+"));
  CHECK(overlaps("$SYS/#", "$SYS/+"));
  CHECK_FALSE(overlaps("$SYS/#", "#"));
  CHECK_FALSE(overlaps("$SYS/#", "+/broker"));
  CHECK_FALSE(overlaps("#", "$SYS/broker"));
  CHECK_FALSE(overlaps("a/b", "a/c"));
  CHECK_FALSE(overlaps("a/b", "a"));
  CHECK_FALSE(overlaps("a/b", "a/b/+"));
  CHECK_FALSE(overlaps("a/+", "a"));
}

TEST_CASE("EMQ X compares a denied filter's text") {
  CHECK(reads("a/b", "a/b"));
  CHECK(reads("a/+", "a/+"));
  CHECK(reads("a/+", "a/#"));
  CHECK(reads("a/#", "a/#"));
  CHECK(reads("#", "#"));
  CHECK(reads("$SYS/#", "$SYS/#"));
  CHECK_FALSE(reads("a/b", "a/+"));
  CHECK_FALSE(reads("a/b", "#"));
  CHECK_FALSE(reads("#", "$SYS/#"));
}

TEST_CASE("eq compares every letter") {
  const TopicPattern all = TopicPattern::literal("#");
  CHECK(holds(all, Relation::overlaps, "#", false));
  CHECK_FALSE(holds(all, Relation::overlaps, "a/#", false));
  CHECK_FALSE(holds(all, Relation::matches, "a"));
  const TopicPattern name = TopicPattern::literal("a/%u");
  CHECK(holds(name, Relation::matches, "a/%u"));
  CHECK_FALSE(holds(name, Relation::matches, "a/ann"));
  CHECK(name.text() == "eq a/%u");
}

TEST_CASE("placeholders stand for what the client is called") {
  CHECK(matches("data/%u/#", "data/ann/x"));
  CHECK_FALSE(matches("data/%u/#", "data/bob/x"));
  CHECK(matches("%c/%cn", "c1/door"));
  CHECK(matches("dev-%c-%u", "dev-c1-ann"));
  CHECK_FALSE(matches("dev-%c-%u", "dev-c1-annx"));
  CHECK_FALSE(matches("dev-%c-%u", "dev-c1-"));
  CHECK(matches("100%%", "100%"));
  CHECK(covers("data/%u/#", "data/ann/+"));
  CHECK_FALSE(covers("data/%u/#", "data/+/x"));
  CHECK(overlaps("data/%u", "data/+"));
  CHECK_FALSE(overlaps("data/%u", "data/bob"));
  CHECK(pattern("data/%u/+/dev-%c/#").filled(Names(kAnn)) == "data/ann/+/dev-c1/#");
  CHECK(pattern("data/%u/+/dev-%c/#").text() == "data/%u/+/dev-%c/#");
}

TEST_CASE("EMQ X's placeholders are whole levels, everything else is text") {
  const auto in = [](std::string_view of, std::string_view topic) {
    return holds(pattern(of, Dialect::erlang), Relation::matches, topic);
  };
  CHECK(in("a/%u", "a/ann"));
  CHECK(in("a/%c/%cn", "a/c1/door"));
  CHECK(in("a/x%u", "a/x%u"));
  CHECK_FALSE(in("a/x%u", "a/xann"));
  CHECK(in("a/%x", "a/%x"));
  CHECK(in("100%%", "100%%"));
}

TEST_CASE("what a client has not matches nothing") {
  const Who nobody{.client_id = "c1"};
  for (const bool permit : {true, false}) {
    CHECK_FALSE(holds(pattern("a/%u"), Relation::matches, "a/", permit, nobody));
    CHECK_FALSE(holds(pattern("a/%u"), Relation::matches, "a/%u", permit, nobody));
    CHECK_FALSE(holds(pattern("a/%cn"), Relation::matches, "a/", permit, nobody));
    CHECK_FALSE(holds(pattern("a/%u"), Relation::overlaps, "a/+", permit, nobody));
  }
}

TEST_CASE("names that are more than a level open nothing and escape nothing") {
  for (const std::string_view name : {"+", "#", "a/b", "", "x+", "a/#"}) {
    CAPTURE(name);
    const Who who{.client_id = "c1", .username = name, .has_username = true};
    const TopicPattern own = pattern("data/%u/#"), part = pattern("data/x%u/#");
    for (const std::string_view filter : {"data/+/#", "data/#", "data/bob/x", "#", "data/a/b/x"}) {
      CHECK_FALSE(holds(own, Relation::covers, filter, true, who));
      CHECK_FALSE(holds(own, Relation::matches, filter, true, who));
      CHECK_FALSE(holds(part, Relation::covers, filter, true, who));
      CHECK(holds(own, Relation::overlaps, filter, false, who));
      CHECK(holds(part, Relation::overlaps, filter, false, who));
    }
    CHECK(holds(own, Relation::matches, "data/a/b/x", false, who));
    CHECK_FALSE(holds(own, Relation::matches, "other/a/b", false, who));
    const TopicPattern old = pattern("data/%u/#", Dialect::erlang);
    CHECK_FALSE(holds(old, Relation::covers, "data/+/#", true, who));
    CHECK(holds(old, Relation::reads, "data/+/#", false, who));
  }
}

TEST_CASE("a name does not make a topic one of the broker's own") {
  const Who sys{.client_id = "$SYS", .username = "$SYS", .has_username = true};
  CHECK_FALSE(holds(pattern("%u/#"), Relation::covers, "$SYS/#", true, sys));
  CHECK_FALSE(holds(pattern("%c/#"), Relation::matches, "$SYS/x", true, sys));
  CHECK_FALSE(holds(pattern("%u-x/#"), Relation::matches, "$SYS-x/x", true, sys));
  CHECK(holds(pattern("%u/#"), Relation::overlaps, "$SYS/#", false, sys));
  CHECK(holds(pattern("%u/#"), Relation::overlaps, "+/x", false, sys));
  CHECK(holds(pattern("a/%u"), Relation::matches, "a/$SYS", true, sys));
  CHECK(holds(pattern("$x-%u/#"), Relation::matches, "$x-$SYS/x", true, sys));
  CHECK_FALSE(holds(pattern("$x-%u/#"), Relation::overlaps, "+/x", false, sys));
}

TEST_CASE("of a client that is away the certificate is not known: it keeps what it has") {
  const Who away{.client_id = "c1", .username = "ann", .has_username = true, .away = true};
  CHECK(holds(pattern("a/%cn/#"), Relation::covers, "a/x/#", true, away));
  CHECK_FALSE(holds(pattern("a/%cn/#"), Relation::overlaps, "a/x/#", false, away));
  CHECK(holds(pattern("a/%u/#"), Relation::covers, "a/ann/#", true, away));
  CHECK_FALSE(holds(pattern("a/%u/#"), Relation::covers, "a/bob/#", true, away));
}

TEST_CASE("deep topics") {
  std::string deep = "a";
  for (int i = 0; i < 5000; ++i) deep += "/a";
  CHECK(matches(deep, deep));
  CHECK(matches("a/#", deep));
  CHECK_FALSE(matches(deep + "/a", deep));
  CHECK(Topic(deep).levels().size() == 5001);
  CHECK(Topic("").levels().size() == 1);
  CHECK(Topic("/").levels().size() == 2);
}

TEST_CASE("topics that cannot be are refused") {
  const std::pair<std::string, std::string_view> rows[] = {
      {"", "a topic is empty"},
      {std::string(65'536, 'a'), "longer than 65535"},
      {"a/b+", "a wildcard must fill its whole level"},
      {"a/#b", "a wildcard must fill its whole level"},
      {"a/#/b", "nothing may follow '#'"},
      {"#/", "nothing may follow '#'"},
      {"a/%x", "write %% for the sign itself"},
      {"a/%", "write %% for the sign itself"},
      {"a/%uu%", "write %% for the sign itself"},
  };
  for (const auto& [row, what] : rows) {
    const auto& text = row;
    CAPTURE(text.substr(0, 20));
    std::string error;
    CHECK_FALSE(TopicPattern::compile(text, Dialect::toml, error));
    CHECK_MESSAGE(error.find(what) != std::string::npos, error);
  }
}

namespace {

// A naive matcher, and every topic of up to four levels out of a few words.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t slash = text.find('/');
    out.push_back(text.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    text.remove_prefix(slash + 1);
  }
}
bool naive(std::string_view filter, std::string_view topic) {
  const auto f = split(filter), t = split(topic);
  if (topic.starts_with('$') && (f[0] == "+" || f[0] == "#")) return false;
  for (std::size_t i = 0; i < f.size(); ++i) {
    if (f[i] == "#") return true;
    if (i == t.size() || (f[i] != "+" && f[i] != t[i])) return false;
  }
  return f.size() == t.size();
}
std::vector<std::string> every_text(const std::vector<std::string>& words, int depth) {
  std::vector<std::string> out = words, last = words;
  for (int i = 1; i < depth; ++i) {
    std::vector<std::string> next;
    for (const std::string& head : last) {
      for (const std::string& word : words) next.push_back(head + '/' + word);
    }
    out.insert(out.end(), next.begin(), next.end());
    last = std::move(next);
  }
  return out;
}
bool is_filter(std::string_view text) {
  const std::size_t hash = text.find('#');
  return !text.empty() && (hash == std::string_view::npos || hash + 1 == text.size());
}

}  // namespace

TEST_CASE("covers and overlaps are exactly what trying out every topic says") {
  // "z" stands for all words that no filter names.
  std::vector<std::string> topics = every_text({"a", "b", "", "$s", "z"}, 4), filters;
  std::erase(topics, "");
  for (std::string& text : every_text({"a", "b", "$s", "+", "#"}, 3)) {
    if (is_filter(text)) filters.push_back(std::move(text));
  }
  std::vector<std::vector<bool>> sets;
  for (const std::string& filter : filters) {
    std::vector<bool>& set = sets.emplace_back();
    for (const std::string& topic : topics) set.push_back(naive(filter, topic));
  }
  std::size_t wrong = 0;
  for (std::size_t rule = 0; rule < filters.size(); ++rule) {
    const TopicPattern compiled = pattern(filters[rule]);
    for (std::size_t asked = 0; asked < filters.size(); ++asked) {
      bool all = true, some = false;
      for (std::size_t i = 0; i < topics.size(); ++i) {
        if (!sets[asked][i]) continue;
        all = all && sets[rule][i];
        some = some || sets[rule][i];
      }
      const bool c = holds(compiled, Relation::covers, filters[asked]);
      const bool o = holds(compiled, Relation::overlaps, filters[asked], false);
      if (c == all && o == some) continue;
      ++wrong;
      MESSAGE(filters[rule], " and ", filters[asked], ": covers ", c, " not ", all, ", overlaps ",
              o, " not ", some);
    }
    for (std::size_t i = 0; i < topics.size(); ++i) {
      if (holds(compiled, Relation::matches, topics[i]) != sets[rule][i]) ++wrong;
    }
  }
  CHECK(filters.size() > 80);
  CHECK(wrong == 0);
}
