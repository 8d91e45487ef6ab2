// Object files: what is read of them, and what becomes of those that are broken.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <keel/text.hpp>

#include "emqx_lwm2m/objects/load.hpp"

namespace {

using keel::concat;
using lwm2m::DataType;

struct Parsed {
  bool whole = false;
  lwm2m::Definitions definitions;
  std::vector<std::string> warnings;
};
Parsed parse(std::string_view xml) {
  Parsed out;
  out.whole = lwm2m::parse_objects(xml, "f.xml", out.definitions, out.warnings);
  return out;
}

std::string object(std::string_view id, std::string_view items, std::string_view more = {}) {
  return concat("<Object ObjectType=\"MODefinition\"><Name>Thing</Name><ObjectID>", id,
                "</ObjectID>", more, "<Resources>", items, "</Resources></Object>");
}
std::string file(std::string_view objects) { return concat("<LWM2M>", objects, "</LWM2M>"); }
std::string item(std::string_view id, std::string_view type = "Integer",
                 std::string_view operations = "R") {
  return concat("<Item ID=\"", id, "\"><Name>n", id, "</Name><Operations>", operations,
                "</Operations><Type>", type, "</Type></Item>");
}

// The only warning.
std::string warning(std::string_view xml) {
  const Parsed parsed = parse(xml);
  CHECK(parsed.warnings.size() == 1);
  return parsed.warnings.empty() ? "" : parsed.warnings[0];
}

class Directory {
 public:
  Directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lwm2m-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()));
    path = pattern;
  }
  ~Directory() { std::filesystem::remove_all(path); }
  void put(const char* name, const std::string& text) {
    std::ofstream(path + '/' + name, std::ios::binary) << text;
  }
  std::string path;
};

}  // namespace

TEST_CASE("everything a definition says") {
  const Parsed parsed = parse(R"(<?xml version="1.0" encoding="UTF-8"?>
<!-- a licence, with <Object> in it -->
<LWM2M xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="x.xsd">
  <Object ObjectType="MODefinition">
    <Name>My &amp; yours</Name>
    <Description1><![CDATA[What <it> is.]]></Description1>
    <ObjectID>32769</ObjectID>
    <ObjectURN>urn:oma:lwm2m:x:32769:1.2</ObjectURN>
    <LWM2MVersion>1.1</LWM2MVersion>
    <ObjectVersion>1.2</ObjectVersion>
    <MultipleInstances>Multiple</MultipleInstances>
    <Mandatory>Mandatory</Mandatory>
    <Resources>
      <Item ID="5700">
        <Name>Value</Name><Operations>RW</Operations>
        <MultipleInstances>Multiple</MultipleInstances><Mandatory>Mandatory</Mandatory>
        <Type>Float</Type><RangeEnumeration>0..1</RangeEnumeration><Units>Cel</Units>
        <Description>
          <![CDATA[How ]]><!-- very --><![CDATA[warm.]]>
        </Description>
      </Item>
      <Item ID="1"><Name>Go</Name><Operations>E</Operations><Type></Type></Item>
      <Item ID="2"><Name>Secret</Name><Operations></Operations><Type>Opaque</Type></Item>
    </Resources>
    <Description2/>
  </Object>
</LWM2M>)");
  CHECK(parsed.whole);
  CHECK(parsed.warnings.empty());
  const lwm2m::ObjectDefinition* const found = parsed.definitions.find(32769);
  REQUIRE(found);
  CHECK(found->name == "My & yours");
  CHECK(found->description == "What <it> is.");
  CHECK(found->urn == "urn:oma:lwm2m:x:32769:1.2");
  CHECK(found->version == "1.2");
  CHECK(found->multiple);
  CHECK(found->mandatory);
  CHECK(found->file == "f.xml");
  REQUIRE(found->resources.size() == 3);
  CHECK(found->resources[0].id == 1);
  CHECK(found->resources[0].executable);
  CHECK(found->resources[0].type == DataType::none);
  CHECK_FALSE(found->resources[0].readable);
  CHECK_FALSE(found->resources[1].readable);
  CHECK_FALSE(found->resources[1].writable);
  CHECK_FALSE(found->resources[1].executable);
  const lwm2m::ResourceDefinition* const value = found->find(5700);
  REQUIRE(value);
  CHECK(value->name == "Value");
  CHECK(value->type == DataType::floating);
  CHECK(value->readable);
  CHECK(value->writable);
  CHECK(value->multiple);
  CHECK(value->mandatory);
  CHECK(value->range == "0..1");
  CHECK(value->units == "Cel");
  CHECK(value->description == "How warm.");
}

TEST_CASE("what is not said") {
  const Parsed parsed = parse(file(object("5", item("3"))));
  const lwm2m::ObjectDefinition* const found = parsed.definitions.find(5);
  REQUIRE(found);
  CHECK(found->version == "1.0");
  CHECK_FALSE(found->multiple);
  CHECK_FALSE(found->mandatory);
  CHECK_FALSE(found->resources[0].multiple);
  CHECK(found->resources[0].description.empty());
}

TEST_CASE("types and operations in any case, with blanks around them") {
  struct Case {
    const char* text;
    DataType type;
  };
  const Case cases[] = {
      {"String", DataType::string},   {" string\n", DataType::string},
      {"INTEGER", DataType::integer}, {"unsigned integer", DataType::unsigned_integer},
      {"float ", DataType::floating}, {"boolean", DataType::boolean},
      {"\topaque", DataType::opaque}, {"time", DataType::time},
      {"objlnk", DataType::objlnk},   {"Corelnk", DataType::corelnk},
  };
  for (const Case& each : cases) {
    CAPTURE(each.text);
    const Parsed parsed = parse(file(object("5", item("3", each.text, " rw "))));
    CHECK(parsed.warnings.empty());
    REQUIRE(parsed.definitions.find(5));
    const lwm2m::ResourceDefinition* const found = parsed.definitions.find(5)->find(3);
    REQUIRE(found);
    CHECK(found->type == each.type);
    CHECK(found->readable);
    CHECK(found->writable);
  }
  const Parsed writes = parse(file(object("5", item("3", "String", "W"))));
  CHECK_FALSE(writes.definitions.find(5)->find(3)->readable);
  CHECK(writes.definitions.find(5)->find(3)->writable);
}

TEST_CASE("several objects, and versions of one, in a file") {
  const Parsed parsed = parse(file(object("5", item("1")) + object("6", item("1")) +
                                   object("5", item("2"), "<ObjectVersion> 1.10 </ObjectVersion>") +
                                   object("5", item("3"), "<ObjectVersion>1.9</ObjectVersion>") +
                                   object("7", item("1"), "<ObjectVersion>2</ObjectVersion>")));
  CHECK(parsed.warnings.empty());
  CHECK(parsed.definitions.size() == 5);
  CHECK(parsed.definitions.find(5, "1.0")->find(1));
  CHECK(parsed.definitions.find(5, "1.9")->find(3));
  CHECK(parsed.definitions.find(5)->version == "1.10");
  CHECK(parsed.definitions.find(7)->version == "2.0");
}

TEST_CASE("a byte order mark, other encodings, and white space everywhere") {
  const std::string plain = file(object("5", item("1")));
  CHECK(parse("\xef\xbb\xbf" + plain).definitions.size() == 1);
  CHECK(parse("\n\n" + plain).definitions.size() == 1);
  std::string utf16 = "\xff\xfe";
  for (const char c : plain) utf16 += {c, '\0'};
  CHECK(parse(utf16).definitions.size() == 1);
  const Parsed latin =
      parse("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" +
            file("<Object><Name>Gr\xfc\xdf</Name><ObjectID>5</ObjectID></Object>"));
  REQUIRE(latin.definitions.find(5));
  CHECK(latin.definitions.find(5)->name == "Gr\xc3\xbc\xc3\x9f");
}

TEST_CASE("what is broken as a whole is left out") {
  struct Case {
    std::string xml;
    const char* warning;
  };
  const Case cases[] = {
      {"", "f.xml: is no XML: No document element found, at octet 0; the file is left out"},
      {"<LWM2M>", "f.xml: is no XML: "},
      {"no XML", "f.xml: is no XML: No document element found"},
      {"<LWM2M><Object></LWM2M>", "f.xml: is no XML: Start-end tags mismatch, at octet "},
      {"<LWM2M/>", "f.xml: has no LWM2M element with an Object in it; the file is left out"},
      {"<a>" + object("5", item("1")) + "</a>", "f.xml: has no LWM2M element with an Object in it"},
      {"<!DOCTYPE LWM2M>" + file(object("5", item("1"))),
       "f.xml: has a DOCTYPE, which is not read; the file is left out"},
      {"<!DOCTYPE LWM2M [<!ENTITY a \"b\">]>" + file(object("5", item("1"))),
       "f.xml: has a DOCTYPE, which is not read; the file is left out"},
      {file(object("5", item("1"))) + std::string(1u << 20, ' '),
       "f.xml: is larger than 1 MiB; the file is left out"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.warning);
    const Parsed parsed = parse(each.xml);
    CHECK_FALSE(parsed.whole);
    CHECK(parsed.definitions.size() == 0);
    REQUIRE(parsed.warnings.size() == 1);
    CHECK(parsed.warnings[0].substr(0, std::string_view(each.warning).size()) == each.warning);
  }
}

TEST_CASE("what is broken in part is left out, the rest is there") {
  CHECK(warning(file(object("x", item("1")))) ==
        "f.xml: ObjectID 'x' is no number from 0 to 65534; the object is left out");
  CHECK(warning(file(object("65535", item("1")))) ==
        "f.xml: ObjectID '65535' is no number from 0 to 65534; the object is left out");
  CHECK(warning(file(object("", item("1")))) ==
        "f.xml: ObjectID '' is no number from 0 to 65534; the object is left out");
  CHECK(warning(file(object("5", item("1"), "<ObjectVersion>one</ObjectVersion>"))) ==
        "f.xml: object 5: 'one' is no version such as 1.0; the object is left out");
  CHECK(warning(file(object("5", item("-1")))) ==
        "f.xml: object 5: resource '-1' is no number from 0 to 65534; it is left out");
  CHECK(warning(file(object("5", item("1", "Number")))) ==
        "f.xml: resource /5/*/1: 'Number' is no data type; it is left out");
  CHECK(warning(file(object("5", item("1", "")))) ==
        "f.xml: resource /5/*/1: '' is no data type; it is left out");
  CHECK(warning(file(object("5", item("1", "String", "RX")))) ==
        "f.xml: resource /5/*/1: 'RX' is none of the operations R, W, RW and E; it is left out");
  CHECK(warning(file(object("5", item("1"), "<Mandatory>perhaps</Mandatory>"))) ==
        "f.xml: object 5: Mandatory 'perhaps' is taken for Optional");
  CHECK(warning(file(object("5", item("1") + item("1", "String")))) ==
        "f.xml: resource /5/*/1 is there twice; the last counts");
  const Parsed parsed = parse(file(object("x", item("1")) + object("5", item("y") + item("2"))));
  CHECK(parsed.whole);
  CHECK(parsed.warnings.size() == 2);
  REQUIRE(parsed.definitions.find(5));
  CHECK(parsed.definitions.find(5)->resources.size() == 1);
  const Parsed twice = parse(file(object("5", item("1") + item("1", "String"))));
  CHECK(twice.definitions.find(5)->find(1)->type == DataType::string);
}

TEST_CASE("the last of one id and version counts") {
  const Parsed parsed = parse(file(object("5", item("1")) + object("5", item("2"))));
  REQUIRE(parsed.warnings.size() == 1);
  CHECK(parsed.warnings[0] == "f.xml: object 5 1.0 stands in f.xml, too; this one counts");
  CHECK_FALSE(parsed.definitions.find(5)->find(1));
  CHECK(parsed.definitions.find(5)->find(2));
}

TEST_CASE("a file cannot say more than a screenful of what is wrong with it") {
  std::string items;
  for (int i = 0; i < 1000; ++i) items += item("1", "Number");
  const Parsed parsed = parse(file(object("5", items)));
  REQUIRE(parsed.warnings.size() == 11);
  CHECK(parsed.warnings[10] == "f.xml: and 990 more of that kind");
}

TEST_CASE("texts are cut, and are UTF-8") {
  std::string umlauts;
  for (int i = 0; i < 2000; ++i) umlauts += "\xc3\xbc";
  const Parsed parsed = parse(file(concat("<Object><Name>x", umlauts,
                                          "</Name><ObjectID>5</ObjectID><ObjectURN>\xff</ObjectURN>"
                                          "<Description1>",
                                          umlauts, "</Description1></Object>")));
  const lwm2m::ObjectDefinition* const found = parsed.definitions.find(5);
  REQUIRE(found);
  CHECK(found->name.size() == 255);
  CHECK(found->description.size() == 1024);
  CHECK(found->urn.empty());
}

TEST_CASE("a deep nest is no trouble") {
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "<a>";
  const Parsed parsed = parse(file(deep));
  CHECK_FALSE(parsed.whole);
}

TEST_CASE("the files of a directory, by name") {
  Directory directory;
  directory.put("b.xml", file(object("5", item("2"))));
  directory.put("a.XML", file(object("5", item("1")) + object("6", item("1"))));
  directory.put("broken.xml", "<LWM2M>");
  directory.put(".hidden.xml", file(object("7", item("1"))));
  directory.put("notes.txt", file(object("8", item("1"))));
  std::filesystem::create_directory(directory.path + "/folder.xml");
  std::filesystem::create_symlink("/nowhere", directory.path + "/link.xml");
  const lwm2m::LoadedObjects loaded = lwm2m::load_objects(directory.path);
  REQUIRE(loaded.definitions);
  CHECK(loaded.definitions->size() == 2);
  CHECK(loaded.definitions->find(5)->find(2));
  CHECK(loaded.definitions->find(5)->file == directory.path + "/b.xml");
  REQUIRE(loaded.warnings.size() == 4);
  CHECK(loaded.warnings[0] == concat(directory.path, "/b.xml: object 5 1.0 stands in ",
                                     directory.path, "/a.XML, too; this one counts"));
  CHECK(loaded.warnings[1].find("broken.xml: is no XML") != std::string::npos);
  CHECK(
      loaded.warnings[2] ==
      concat(directory.path, "/folder.xml: cannot be read (it is no file); the file is left out"));
  CHECK(loaded.warnings[3] ==
        concat(directory.path,
               "/link.xml: cannot be read (No such file or directory); the file is left out"));
}

TEST_CASE("no directory, an empty one, none wanted") {
  Directory directory;
  const lwm2m::LoadedObjects none = lwm2m::load_objects(directory.path + "/none");
  REQUIRE(none.definitions);
  CHECK(none.definitions->size() == 0);
  REQUIRE(none.warnings.size() == 1);
  CHECK(none.warnings[0] == concat(directory.path,
                                   "/none cannot be read (No such file or directory): no object is "
                                   "known; set lwm2m.xml_dir"));
  const lwm2m::LoadedObjects empty = lwm2m::load_objects(directory.path);
  REQUIRE(empty.warnings.size() == 1);
  CHECK(empty.warnings[0] == directory.path + " has no *.xml in it: no object is known");
  const lwm2m::LoadedObjects unwanted = lwm2m::load_objects("");
  REQUIRE(unwanted.definitions);
  CHECK(unwanted.warnings.empty());
}

TEST_CASE("a file that is too large is not read to its end") {
  Directory directory;
  directory.put("large.xml", std::string(3u << 20, ' '));
  const lwm2m::LoadedObjects loaded = lwm2m::load_objects(directory.path);
  REQUIRE(loaded.warnings.size() == 1);
  CHECK(loaded.warnings[0] ==
        concat(directory.path, "/large.xml: is larger than 1 MiB; the file is left out"));
}
