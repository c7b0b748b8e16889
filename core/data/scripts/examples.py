#!/usr/bin/env python3
"""Makes core/data/examples/: the worked examples of grading as answers files.

Points are those of the examples; a criterion's option is the one that gives them, or `none`.
Run from anywhere; `--check` says whether the files are what it makes.
"""

import json
import pathlib
import sys

DATA = pathlib.Path(__file__).resolve().parent.parent
EX1 = [3, 1, 2, 2, 2, 1, 1, 3, 2, 2, 0, 3, 1, 3, 2, 2, 3, 2, 3, 5, 2, 3, 2, 2, 2, 2, 3, 3, 4, 3, 2, 1]
# Of the council: what two further members choose otherwise.
OTHERS = {"Hội đồng: bà Lường Thị Mai": {"4.3": 5, "6.2.3": 5}, "Hội đồng: ông Dương Văn Lâm": {"2.3": 3, "1.4": 1}}


def template(name):
    return json.loads((DATA / "templates" / name).read_text(encoding="utf-8"))


def picks(points, **changed):
    """Returns the answers of set 11 that give these points, criterion by criterion."""
    items = [i for s in template("ocop-2026/set-11.json")["sections"] for i in s["items"]]
    criteria = [item for item in items if "max" in item]
    assert len(criteria) == len(points)
    answers = {}
    for item, wanted in zip(criteria, points):
        wanted = changed.get(item["key"], wanted)
        keys = [o["key"] for o in item["answer"]["options"] if o["points"] == wanted]
        answers[item["key"]] = keys[0] if keys else "none"
        assert keys or (wanted == 0 and item["answer"].get("or_none")), item["key"]
    return answers


def knockouts():
    items = [i for s in template("ocop-2026/set-11.json")["sections"] for i in s["items"]]
    return {item["key"]: "no" for item in items if "max" not in item}


def ocop(note, answers, **more):
    by = {"code": "OCOP-11", "edition": "2026-2"}
    return {"format": 1, "note": note, "as_of": "2026-11-23", "template": by,
            "answers": {**knockouts(), **answers}, **more}


def tea(note, as_of, graded=None, findings=None):
    file = template("tea.json")
    answers = {item["key"]: "pass" for s in file["sections"] for item in s["items"]}
    answers.update(graded or {})
    by = {"code": file["code"], "edition": file["edition"]}
    example = {"format": 1, "note": note, "as_of": as_of, "template": by, "answers": answers}
    if findings:
        example["findings"] = findings
    return example


def minor(item, verified=None):
    found = {"item": item, "severity": "minor", "text": "Chưa ghi chép đầy đủ",
             "issued": "2026-06-01", "deadline": "2026-07-01"}
    if verified:
        found["verified"] = verified
    return found


def legacy():
    """Returns a form of before 15 January 2025. Its thresholds are made up: nobody found the printed ones."""
    words = lambda vi, en: {"vi": vi, "en": en}
    item = lambda n: {"key": f"1.{n}", "text": words(f"Chỉ tiêu minh họa {n}", f"Illustrative item {n}"),
                      "answer": {"type": "grade", "severities": ["minor", "major", "serious"]}}
    row = lambda code, mi, ma, total, months: {
        "grade": {"code": code, "title": words(f"Loại {code}", f"Grade {code}"), "next_check_months": months},
        "minor_max": mi, "major_max": ma, "serious_max": 0, "sum_max": total}
    return {
        "format": 2, "code": "EX-ABC", "edition": "0",
        "title": words("Phiếu minh họa xếp loại A, B, C (trước 15/01/2025)",
                       "Illustrative form with grades A, B, C (before 15 January 2025)"),
        "official": False, "verified": None, "effective_from": "2019-02-07", "effective_to": "2025-01-14",
        "source": "Số liệu minh họa; ngưỡng của từng loại cơ sở in trong biểu mẫu của TT 38/2018/TT-BNNPTNT, chưa tìm được.",
        "legal_basis": [{"id": "tt-38-2018", "text": words("Thông tư 38/2018/TT-BNNPTNT", "Circular 38/2018/TT-BNNPTNT")}],
        "agencies": {"agriculture": words("Nông nghiệp và Phát triển nông thôn", "Agriculture and rural development")},
        "orders": {"grade": ["na", "pass", "minor", "major", "serious"]},
        "sections": [{"code": "1", "title": words("Chỉ tiêu", "Items"), "agency": "agriculture",
                      "items": [item(n) for n in range(1, 7)]}],
        "grading": {"model": "counts_table", "table": [row("A", 5, 0, 5, 18), row("B", 10, 4, 10, 12)],
                    "otherwise": {"code": "C", "title": words("Loại C", "Grade C"), "next_check_months": 3},
                    "clause": {"basis": "tt-38-2018", "clause": "xếp loại A, B, C, nay đã bỏ"}},
    }


def counted(note, *grades):
    answers = {f"1.{n}": grade for n, grade in enumerate(grades, 1)}
    return {"format": 1, "note": note, "as_of": "2024-06-03", "template": {"code": "EX-ABC", "edition": "0"},
            "answers": answers}


def council():
    members = [{"name": "Hội đồng: ông Hoàng Văn Tịnh", "answers": picks(EX1)}]
    members += [{"name": name, "answers": picks(EX1, **changed)} for name, changed in OTHERS.items()]
    file = ocop("Hội đồng ba thành viên: 72, 76, 72 điểm, bình quân 73,33", {}, members=members)
    return file


def check():
    """Returns the answers of a check of a recognised product: what was recognised stands beside what was seen."""
    recognised = {key + "-cn": option for key, option in picks(EX1, **{"2.3": 3}).items()}
    seen = picks(EX1, **{"4.3": 2})
    product = {"cn-product": "Chè xanh Bắc Sơn, 20-06325-01-2026", "cn-stars": "4", "cn-decision": "Số 1234/QĐ-UBND ngày 1/7/2026",
               "cn-expires": "2029-07-01"}
    mark = {"mark-product": "yes", "mark-stars": "yes", "mark-valid": "yes", "mark-promotion": "yes"}
    return {"format": 1, "note": "Kiểm tra duy trì tiêu chí của chè 4 sao: 2.3 dưới dấu sao, 4.3 giảm điểm", "as_of": "2026-11-23",
            "template": {"code": "HELD-11", "edition": "1.2026-1"}, "answers": product | recognised | seen | mark}


def files():
    three = [minor("6.1", "2026-06-22"), minor("6.2", "2026-06-22"), minor("6.4", "2026-06-22")]
    graded = {"6.1": "minor", "6.2": "minor", "6.4": "minor"}
    banned = [{"item": "5.5", "severity": "serious", "text": "Phát hiện chất cấm trong lô chè", "issued": "2026-06-01",
               "unfixable": True}]
    held = picks(EX1, **{"4.3": 2})
    recognised = {"stars": 4, "answers": picks(EX1, **{"2.3": 3})}
    return {
        "ex1.json": ocop("EX1: 72 điểm, dấu sao 2.3 của 4 sao không đạt: 3 sao", picks(EX1)),
        "ex2.json": ocop("EX2: như EX1, 2.3 = 3 điểm: 73 điểm, 4 sao", picks(EX1, **{"2.3": 3})),
        "ex3.json": ocop("EX3: như EX1, 3.5 = 0 điểm: 70 điểm, không được cấp giấy chứng nhận", picks(EX1, **{"3.5": 0})),
        "ex4.json": tea("EX4: không có lỗi: Đạt", "2026-06-01"),
        "ex5.json": tea("EX5: ba lỗi nhẹ, xác nhận khắc phục ngày 22/6: Đạt (sau khắc phục); ngày 10/6: Chờ khắc phục",
                        "2026-06-22", graded, three),
        "ex6.json": tea("EX6: như EX5, một lỗi còn mở ngày 2/7: Không đạt", "2026-07-02", graded,
                        three[:2] + [minor("6.4")]),
        "ex7.json": tea("EX7: chất cấm, không thể khắc phục với lô hàng: Không đạt", "2026-06-01", {"5.5": "serious"}, banned),
        "ex8-template.json": legacy(),
        "ex8-b.json": counted("EX8: Mi 3, Ma 1, Se 0: loại B", "minor", "minor", "minor", "major", "pass", "pass"),
        "ex8-c.json": counted("EX8: Mi 1, Ma 0, Se 1: loại C", "minor", "serious", "pass", "pass", "pass", "pass"),
        "council.json": council(),
        "held-check.json": check(),
        "held.json": ocop("Hậu kiểm sản phẩm 4 sao: 2.3 dưới dấu sao, 4.3 giảm điểm", held, recognised=recognised),
    }


def main():
    wrong = []
    for name, value in files().items():
        path = DATA / "examples" / name
        text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
        if "--check" in sys.argv:
            wrong += [] if path.exists() and path.read_text(encoding="utf-8") == text else [name]
        else:
            path.write_text(text, encoding="utf-8")
    if wrong:
        sys.exit("not what this script makes: " + ", ".join(wrong))


if __name__ == "__main__":
    main()
