"""Makes ExpectedValues.swift: what scikit-learn, rouge-score and CPython say on inputs that the tests build again.

Run from this folder: pip install numpy scikit-learn rouge-score, then
  python expected_values.py [PTB-XL folder] > ExpectedValues.swift && swift format -i ExpectedValues.swift
"""

import ast
import csv
import json
import random
import sys
import warnings

import numpy as np
import sklearn
from rouge_score import rouge_scorer
from sklearn.metrics import f1_score, hamming_loss, roc_auc_score
from sklearn.preprocessing import MultiLabelBinarizer

warnings.filterwarnings("ignore")
SUPERCLASSES = ["NORM", "MI", "STTC", "CD", "HYP"]


class Congruential:
    """The generator of the inputs, repeated in the tests: x <- 1103515245 x + 12345 mod 2^31, upper bits used."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state * 1103515245 + 12345) % 2**31
        return (self.state >> 8) % bound


def swift(value):
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "nil"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(swift(part) for part in value) + "]"
    return repr(float(value)) if isinstance(value, (float, np.floating)) else str(value)


def auc(gold, scores):
    return float(roc_auc_score(gold, scores)) if len(set(gold)) == 2 else None


def auc_cases():
    rows = []
    for seed, count, levels, permille in [
        (1, 50, 1000, 500), (2, 200, 5, 300), (3, 333, 2, 120), (4, 333, 100000, 50), (5, 40, 1, 500),
        (6, 30, 50, 0), (7, 30, 50, 1000), (8, 2, 10, 500), (9, 1000, 20, 10), (10, 1, 3, 500),
    ]:
        draw = Congruential(seed)
        pairs = [(draw.below(levels), draw.below(1000) < permille) for _ in range(count)]
        value = auc([int(p[1]) for p in pairs], [p[0] for p in pairs])
        rows.append(f"AUC(seed: {seed}, count: {count}, levels: {levels}, permille: {permille}, value: {swift(value)})")
    return rows


def label_cases():
    rows = []
    for seed, count, width, permille in [(11, 60, 5, 300), (12, 333, 6, 60), (13, 5, 4, 100), (14, 40, 3, 1000), (15, 1, 5, 400)]:
        draw = Congruential(seed)
        gold = np.zeros((count, width), int)
        score = np.zeros((count, width))
        for record in range(count):
            for column in range(width):
                gold[record, column] = draw.below(1000) < permille
                score[record, column] = draw.below(101) / 100
        hard = (score >= 0.5).astype(int)
        areas = [auc(gold[:, c], score[:, c]) for c in range(width)]
        defined = [a for a in areas if a is not None]
        rows.append(
            f"Labels(seed: {seed}, count: {count}, width: {width}, permille: {permille}, "
            f"auc: {swift(areas)}, macroAUC: {swift(float(np.mean(defined)) if defined else None)}, "
            f"f1: {swift([float(v) for v in f1_score(gold, hard, average=None, zero_division=0)])}, "
            f"macroF1: {swift(float(f1_score(gold, hard, average='macro', zero_division=0)))}, "
            f"hamming: {swift(float(hamming_loss(gold, hard)))}, exact: {swift(float((gold == hard).all(axis=1).mean()))})")
    return rows


def published_scores(gold, predicted):
    """The three published numbers, in scikit-learn: (balanced accuracy, macro F1, Hamming)."""
    binarizer = MultiLabelBinarizer()
    truth = binarizer.fit_transform(gold)
    guess = binarizer.transform(predicted)
    first = f1_score(truth, guess, average=None)
    areas = [auc(list(truth[:, c]), list(guess[:, c])) for c in range(truth.shape[1])]
    balanced = None if None in areas else float(np.mean(areas))
    return balanced, float(np.mean([first[i] for i in range(truth.shape[1])])), float(hamming_loss(truth, guess))


def published_cases():
    """Sets of letters drawn like the labels above; the last cases are degenerate."""
    rows = []
    for seed, count, width, kept in [(21, 80, 5, 5), (22, 40, 5, 3), (23, 30, 1, 1), (24, 300, 6, 6), (25, 3, 4, 4)]:
        draw = Congruential(seed)
        names = [chr(97 + c) for c in range(width)]
        gold = [[n for n in names if draw.below(1000) < 350 and n in names[:kept]] for _ in range(count)]
        predicted = [[n for n in names if draw.below(1000) < 350] for _ in range(count)]
        balanced, f1, hamming = published_scores(gold, predicted)
        rows.append(
            f"Published(seed: {seed}, count: {count}, width: {width}, kept: {kept}, balanced: {swift(balanced)}, "
            f"f1: {swift(f1)}, hamming: {swift(hamming)})")
    return rows


def superclasses(folder):
    with open(folder + "/scp_statements.csv", newline="", encoding="utf-8") as handle:
        classes = {row[""]: row["diagnostic_class"] for row in csv.DictReader(handle) if row["diagnostic"] == "1.0"}
    with open(folder + "/ptbxl_database.csv", newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            if row["strat_fold"] == "9":
                yield sorted({classes[code] for code in ast.literal_eval(row["scp_codes"]) if code in classes})


def baselines(folder):
    everything = list(superclasses(folder))
    gold = [labels for labels in everything if labels]
    rows = [f"static let fold9 = (records: {len(everything)}, labelled: {len(gold)})"]
    answers = {
        "allNORM": [["NORM"]] * len(gold), "allFive": [SUPERCLASSES] * len(gold), "empty": [[]] * len(gold), "gold": gold,
    }
    for name, predicted in answers.items():
        balanced, f1, hamming = published_scores(gold, predicted)
        rows.append(f"static let {name} = ECGBenchLabelScore(balancedAccuracy: {swift(balanced)}, "
                    f"macroF1: {swift(f1)}, hammingLoss: {swift(hamming)})")
    return rows


def python_random():
    rows = []
    for seed in [0, 1, 42, 2**32 - 1, 2**40 + 7, 2**64 - 1]:
        source = random.Random(seed)
        words = [source.getrandbits(32) for _ in range(700)]
        rows.append(f"Words(seed: {seed}, first: {words[:4]}, last: {words[-2:]})")
    source = random.Random(42)
    four = "".join(source.choice("ABCD") for _ in range(60))
    eight = "".join(source.choice("ABCDEFGH") for _ in range(60))
    below = [source.choice(range(bound)) for bound in range(1, 40)]
    return rows, four, eight, below


LETTER_TEXTS = [
    "A", "H", "I", "a", "", " B", "B ", "The correct option is C. Left axis deviation", "The ECG. So B. it is",
    "The correct option is E", "The correct option is e", "The correct option is (C)", "Answer: D", "answer: D",
    "Answer: the rhythm, C", "Answer: BAD", "Answer: 42", "A.B.C.", "C. B. A", "Answer:", "Answer: A Answer: none here",
    "The correct option is F Answer: A", "The correct option is ? Answer: A", "é. Answer: H", "CD.", "V1-V6 and I.",
    "The correct option is B, not The correct option is G", "no letter at all", "Answer: \nH\n", "G\u0301.",
]


def published_letter(text):
    letters = "ABCDEFGH"
    if len(text) == 1 and text in letters:
        return text
    dotted = [letter for letter in letters if letter + "." in text]
    if dotted:
        return dotted[0]
    if "The correct option is " in text:
        following = text.rsplit("The correct option is ", 1)[1]
        return following[0] if following[0] in letters else None
    found = [letter for letter in letters if "Answer:" in text and letter in text.rsplit("Answer:", 1)[1]]
    return found[0] if found else None


WORDS = ["sinus", "rhythm", "normal", "axis", "left", "ecg", "no", "st", "changes", "q"]


def overlap_cases():
    scorer = rouge_scorer.RougeScorer(["rougeL", "rouge1"], use_stemmer=False)
    rows = []
    for seed, longest in [(31, 8), (32, 30), (33, 60), (34, 3), (35, 20)]:
        draw = Congruential(seed)
        texts = [" ".join(WORDS[draw.below(10)] for _ in range(1 + draw.below(longest))) for _ in range(2)]
        scores = scorer.score(texts[0], texts[1])
        rows.append(f"Overlap(seed: {seed}, longest: {longest}, rougeL: {swift(scores['rougeL'].fmeasure)}, "
                    f"tokenF1: {swift(scores['rouge1'].fmeasure)})")
    return rows


def quantiles():
    draw = Congruential(41)
    values = [draw.below(1000) / 1000 for _ in range(101)] + [0.5]
    shares = [0.0, 0.025, 0.3333, 0.5, 0.975, 1.0]
    return [f"static let quantiles: [(Double, Double)] = ["
            + ", ".join(f"({s}, {float(np.quantile(values, s))!r})" for s in shares) + "]"]


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "../../../shared/data/ptb-xl"
    words, four, eight, below = python_random()
    letters = [f"({swift(text)}, {swift(published_letter(text))})" for text in LETTER_TEXTS]
    print(f"// Made by expected_values.py with scikit-learn {sklearn.__version__}, "
          f"Python {sys.version.split()[0]}. Do not edit.")
    print("@testable import Evaluation\n")
    print("enum Expected {")
    print("struct AUC { var seed: Int, count: Int, levels: Int, permille: Int, value: Double? }")
    print("struct Labels { var seed: Int, count: Int, width: Int, permille: Int, auc: [Double?], macroAUC: Double?, "
          "f1: [Double], macroF1: Double, hamming: Double, exact: Double }")
    print("struct Published { var seed: Int, count: Int, width: Int, kept: Int, balanced: Double?, "
          "f1: Double, hamming: Double }")
    print("struct Words { var seed: UInt64, first: [UInt32], last: [UInt32] }")
    print("struct Overlap { var seed: Int, longest: Int, rougeL: Double, tokenF1: Double }")
    for name, rows in [("auc: [AUC]", auc_cases()), ("labels: [Labels]", label_cases()),
                       ("published: [Published]", published_cases()), ("words: [Words]", words),
                       ("overlap: [Overlap]", overlap_cases()), ("letters: [(String, String?)]", letters)]:
        print(f"static let {name} = [\n" + ",\n".join(rows) + ",\n]")
    print(f"static let choicesOfFour = {swift(four)}\nstatic let choicesOfEight = {swift(eight)}")
    print(f"static let choicesBelow = {below}")
    print("\n".join(quantiles() + baselines(folder)))
    print("}")


main()
