#!/usr/bin/env python3
"""Makes the 26 OCOP checklists from the transcript of Decision 26/2026/QĐ-TTg.

Reads   core/data/ocop-2026/index.json and set-01.json ... set-26.json
Writes  core/data/templates/ocop-2026/set-01.json ... set-26.json (template format 2)

Usage:  python3 core/data/scripts/ocop.py           writes the files
        python3 core/data/scripts/ocop.py --check   fails if a file would change

The same input gives the same bytes. Only Python's standard library is used. What the official
text leaves open is not decided here: it is carried as an anomaly, or as a named policy of the
grading model that says that it is a reading of the law.
"""

import json
import sys
import unicodedata
from collections import Counter
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent
SOURCE = DATA / "ocop-2026"
TARGET = DATA / "templates" / "ocop-2026"

EDITION = "2026-2"
BASIS = "qd-26-2026"

MINISTRIES = {
    "Bộ Nông nghiệp và Môi trường": ("agriculture", "Ministry of Agriculture and Environment"),
    "Bộ Công Thương": ("industry-trade", "Ministry of Industry and Trade"),
    "Bộ Y tế": ("health", "Ministry of Health"),
    "Bộ Văn hóa, Thể thao và Du lịch": ("culture", "Ministry of Culture, Sports and Tourism"),
}

# Where the index names a criterion by several codes, which of them each set has.
PLACES = {
    "AN-26": {"1.5": [1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 13, 18], "1.4": "others"},
    "AN-33": {"12": [19, 20], "8": [21]},
    # The note is printed at 6.1.1 in set 11, where 6.1 is a heading.
    "AN-19": {"6.1.1": [11], "6.1": "others"},
}

# The service of set 26 is run by the community or by somebody else; AN-34 says that the three
# criteria speak of one and the same case.
SAME_CASE = {26: [["8", "9", "15"]]}

RANKS = [(5, 90), (4, 70), (3, 50), (2, 30), (1, 0)]


def words(text):
    """Vietnamese, and English where there is a translation."""
    return {name: text[name] for name in ("vi", "en") if name in text}


def clause(number, place=""):
    where = f"Phụ lục II, bộ {number}"
    return {"basis": BASIS, "clause": f"{where}, {place}" if place else where}


def option_keys(options):
    """An option's key is its points, after its case. Two of equal points get letters."""
    def key(option):
        return f"{option.get('case', '')}{option['points']}"

    counts = Counter(key(option) for option in options)
    seen = Counter()
    for option in options:
        found = key(option)
        if counts[found] > 1:
            seen[found] += 1
            yield found + "abcdefghij"[seen[found] - 1]
        else:
            yield found


def choice(criterion):
    options = []
    for key, option in zip(option_keys(criterion["options"]), criterion["options"]):
        made = {"key": key, "text": words(option["text"]), "points": option["points"]}
        for name in ("gate", "case", "implied"):
            if name in option:
                made[name] = option[name]
        options.append(made)
    answer = {"type": "choice", "options": options}
    # The decision does not say what is given when no option fits (AN-29).
    if all(option["points"] > 0 for option in options):
        answer["or_none"] = True
    return answer


def criterion_item(number, criterion, criteria):
    code = criterion["code"]
    item = {
        "key": code,
        "text": words(criterion["name"]),
        "clause": clause(number, f"tiêu chí {code}"),
        "max": criterion["max"],
    }
    if "guidance" in criterion:
        item["guidance"] = words(criterion["guidance"])
    if "group" in criterion:
        item["group"] = criterion["group"]
    if "cases" in criterion:
        item["cases"] = [
            {"code": case["code"], "title": words(case["name"])} for case in criterion["cases"]
        ]
    if "applies_if" in criterion:
        on, least = criterion["applies_if"]["code"], criterion["applies_if"]["min_points"]
        keys = list(option_keys(criteria[on]["options"]))
        # The expression compares the option's key as a number, so the key must be one.
        assert all(key.isdigit() for key in keys), (number, on, keys)
        item["relevant"] = f"number(${{{on}}}) >= {least}"
    else:
        # Only where the decision itself prints when a criterion does not apply may anybody say so.
        item["not_applicable"] = False
    item["answer"] = choice(criterion)
    return item


def yes_or_no():
    return {
        "type": "choice",
        "options": [
            {"key": "yes", "text": {"vi": "Có", "en": "Yes"}},
            {"key": "no", "text": {"vi": "Không", "en": "No"}},
        ],
    }


def knockout_item(number, key, knockout, place):
    return {
        "key": key,
        "text": words(knockout),
        "clause": clause(number, place),
        "worse": "listed_worst_first",
        "not_applicable": False,
        "answer": yes_or_no(),
    }


def section_knockout_item(number, section, criteria):
    """The one of set 16: it follows from the points, so it is worked out and nobody answers it."""
    knockout, code = section["knockout"], section["code"]
    points = knockout["when_points"]
    tests = []
    for on in knockout["applies_to"]:
        keys = list(option_keys(criteria[on]["options"]))
        assert all(key.isdigit() for key in keys) and str(points) in keys, (number, on, keys)
        tests.append(f"number(${{{on}}}) = {points}")
    return {
        "key": f"{code}-ko",
        "text": words(knockout),
        "clause": clause(number, f"mục {code}"),
        "answer": {"type": "calculation", "expression": " or ".join(tests), "result": "bool"},
    }


def made_section(number, section, criteria, knockouts):
    code = section["code"]
    made = {
        "code": code,
        "title": words(section["name"]),
        "agency": "council",
        "clause": clause(number, f"mục {code}"),
        "max": section["max"],
    }
    if "groups" in section:
        made["groups"] = [
            {"code": group["code"], "title": words(group["name"]), "max": group["max"]}
            for group in section["groups"]
        ]
    made["items"] = []
    for criterion in section["criteria"]:
        made["items"].append(criterion_item(number, criterion, criteria))
        if "knockout" in criterion:
            on, key = criterion["code"], f"{criterion['code']}-ko"
            item = knockout_item(number, key, criterion["knockout"], f"tiêu chí {on}")
            made["items"].append(item)
            effect = criterion["knockout"]["effect"]
            knockouts.append({"item": key, "effect": effect, "level": "criterion", "of": on})
    if "knockout" in section:
        item = section_knockout_item(number, section, criteria)
        made["items"].append(item)
        effect = section["knockout"]["effect"]
        knockouts.append({"item": item["key"], "effect": effect, "level": "section", "of": code})
    return made


def dossier_section(number, source, knockouts):
    items = []
    for place, knockout in enumerate(source["knockouts"], 1):
        items.append(knockout_item(number, f"ko-{place}", knockout, "điều kiện loại hồ sơ"))
        effect = knockout["effect"]
        knockouts.append({"item": f"ko-{place}", "effect": effect, "level": "dossier"})
    title = {"vi": "Điều kiện loại hồ sơ", "en": "Grounds for rejecting the dossier"}
    return {"code": "ko", "title": title, "agency": "council", "items": items}


def place_of(anomaly, number):
    if not anomaly["code"]:
        return []
    special = PLACES.get(anomaly["id"])
    if special is None:
        return [anomaly["code"]]
    others = None
    for code, sets in special.items():
        if sets == "others":
            others = code
        elif number in sets:
            return [code]
    assert others is not None, (anomaly["id"], number)
    return [others]


def anomalies_of(index, number):
    for anomaly in index["anomalies"]:
        if number not in anomaly["sets"]:
            continue
        made = {
            "id": anomaly["id"],
            "kind": anomaly["kind"],
            "place": place_of(anomaly, number),
            **words(anomaly["detail"]),
            "printed": anomaly["printed"],
        }
        for name in ("likely", "handling", "rule"):
            if name in anomaly:
                made[name] = anomaly[name]
        made["needs_person"] = anomaly["needs_human_check"]
        yield made


def corrections_of(index, number):
    for correction in index["corrections"]:
        if correction["set"] == number:
            yield {
                "place": correction["code"],
                "field": correction["field"],
                "printed": correction["printed"],
                "read_as": correction["read_as"],
                **words(correction["reason"]),
            }


def notes_of(index):
    location, checked = index["source"]["official_location"], index["verification"]["checked_on"]
    return [
        {
            "vi": "Lời văn chép từ bản chép của quyết định, chưa đối chiếu với bản PDF có chữ ký; "
            f"nơi công bố chính thức: {location}. Hai lần đọc độc lập bản chép không khác nhau "
            f"({checked}). Tên tiếng Anh là bản dịch của dự án.",
            "en": "The text is taken from a transcript of the decision and was not compared with "
            f"the signed PDF; official place: {location}. Two independent readings of the "
            f"transcript do not differ ({checked}). English names are the project's translation.",
        },
        words(index["effective_from_note"]),
        {"vi": index["ministry_note"]},
    ]


def grading_of(source, number, parts, knockouts):
    # Set 26 prints stars but no legend (AN-06).
    legend = source.get(
        "gate_legend",
        {
            "vi": "Phiếu không in ghi chú dấu sao; hiểu như 25 bộ còn lại (AN-06)",
            "en": "The sheet prints no legend for its stars; read as in the other 25 sets (AN-06)",
        },
    )
    grading = {
        "model": "ocop_points",
        "parts": parts,
        "ranks": [{"stars": stars, "from": least} for stars, least in RANKS],
        "certificate_from_stars": 3,
        "gates": "cumulative",
        "gates_note": words(legend),
        "fallback": "next_lower_rank",
        "fallback_note": {
            "vi": "Cách hiểu của chương trình, quyết định không nói (AN-31): hạng cao phải đạt cả "
            "dấu sao của hạng thấp; không đạt dấu sao của một hạng thì xét hạng thấp kế tiếp.",
            "en": "The program's reading, the decision does not say (AN-31): a higher rank needs "
            "the gates of the lower ones too; when a gate is not met the next lower rank is "
            "looked at.",
        },
        "none_note": {
            "vi": "Không phương án nào phù hợp: 0 điểm. Cách hiểu của chương trình, quyết định "
            "không nói (AN-29).",
            "en": "No option fits: 0 points. The program's reading, the decision does not say "
            "(AN-29).",
        },
        "knockouts": knockouts,
    }
    if number in SAME_CASE:
        grading["same_case"] = SAME_CASE[number]
    grading["clause"] = {"basis": BASIS, "clause": f"Điều 3 khoản 3; Phụ lục II, bộ {number}"}
    return grading


def product_set_of(source, number):
    classification = source["classification"]
    made = {"number": number, "heading": words(source["heading"])}
    for name in ("sector", "group", "subgroup", "printed"):
        if name in classification:
            made[name] = words(classification[name])
    return made


def template(index, entry):
    number = entry["set"]
    source = json.loads((SOURCE / entry["file"]).read_text(encoding="utf-8"))
    criteria = {
        criterion["code"]: criterion
        for part in source["parts"]
        for section in part["sections"]
        for criterion in section["criteria"]
    }
    agencies = {
        "council": {
            "vi": "Hội đồng đánh giá, phân hạng sản phẩm OCOP",
            "en": "OCOP evaluation and ranking council",
        }
    }
    managed_by = []
    for ministry in source["ministry"].split("; "):
        code, english = MINISTRIES[ministry]
        agencies[code] = {"vi": ministry, "en": english}
        managed_by.append(code)
    knockouts, sections, parts = [], [], []
    if source["knockouts"]:
        sections.append(dossier_section(number, source, knockouts))
    for part in source["parts"]:
        for section in part["sections"]:
            sections.append(made_section(number, section, criteria, knockouts))
        codes = [section["code"] for section in part["sections"]]
        parts.append(
            {
                "code": part["code"],
                "title": words(part["name"]),
                "max": part["max"],
                "sections": codes,
            }
        )
    vi, en = source["name"]["vi"], source["name"]["en"]
    return {
        "format": 2,
        "code": f"OCOP-{number:02}",
        "edition": EDITION,
        "title": {"vi": f"OCOP 2026, bộ {number}: {vi}", "en": f"OCOP 2026, set {number}: {en}"},
        "official": True,
        "verified": None,
        "effective_from": source["effective_from"],
        "source": source["source"],
        "notes": notes_of(index),
        "product_set": product_set_of(source, number),
        "legal_basis": [
            {
                "id": BASIS,
                "text": {
                    "vi": "Quyết định 26/2026/QĐ-TTg ngày 22 tháng 5 năm 2026 của Thủ tướng "
                    "Chính phủ",
                    "en": "Decision 26/2026/QĐ-TTg of the Prime Minister, 22 May 2026",
                },
            }
        ],
        "agencies": agencies,
        "managed_by": managed_by,
        "orders": {"choice": "fewer_points"},
        "sections": sections,
        "grading": grading_of(source, number, parts, knockouts),
        "anomalies": list(anomalies_of(index, number)),
        "corrections": list(corrections_of(index, number)),
    }


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    index = json.loads((SOURCE / "index.json").read_text(encoding="utf-8"))
    TARGET.mkdir(parents=True, exist_ok=True)
    differ = []
    for entry in index["sets"]:
        made = {
            name: value
            for name, value in template(index, entry).items()
            if name not in ("anomalies", "corrections") or value
        }
        text = json.dumps(made, ensure_ascii=False, indent=1) + "\n"
        text = unicodedata.normalize("NFC", text)
        path = TARGET / entry["file"]
        if check:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                differ.append(entry["file"])
        else:
            path.write_text(text, encoding="utf-8", newline="\n")
    if differ:
        sys.exit("differ from what the script makes: " + ", ".join(differ))


if __name__ == "__main__":
    main()
