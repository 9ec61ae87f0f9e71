"""Makes Recorded/methods.json: inputs, and what PyTorch in float64 says of each method's loss and its gradient.

Run from this folder: pip install numpy torch, then python expected_methods.py > Recorded/methods.json
The formulas are written out from the papers and docs/methods.md with autograd for the derivatives; nothing is shared with
the program.
"""

import json

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(20)


def normal(*shape, scale=1.0):
    # Few digits, so that the file is short and the inputs are exact in it.
    return (scale * torch.randn(*shape)).mul(1000).round().div(1000)


def case(loss, inputs, differentiated, **more):
    value = loss()
    gradients = torch.autograd.grad(value, differentiated)
    flat = lambda x: {"shape": list(x.shape), "values": x.detach().flatten().tolist()}
    return {
        "value": value.item(),
        "inputs": [flat(x) for x in inputs],
        "gradients": [flat(g) for g in gradients],
        **more,
    }


def kl(temperature=2.0, normaliser=11):
    student, teacher = normal(5, 19, scale=3).requires_grad_(), normal(5, 19, scale=3)

    def loss():
        p = F.softmax(teacher / temperature, dim=-1)
        divergence = F.kl_div(F.log_softmax(student / temperature, dim=-1), p, reduction="none").sum()
        return temperature**2 * divergence / normaliser

    return case(loss, [student, teacher], [student], normaliser=normaliser, temperature=temperature)


def uld(own, other, normaliser=9):
    student, teacher = normal(4, own, scale=2).requires_grad_(), normal(5, other, scale=2)
    pairs = [[0, 1], [2, 2], [3, 4]]

    def loss():
        total = 0
        for row, target in pairs:
            p = F.softmax(student[row], dim=-1).sort(descending=True).values
            q = F.softmax(teacher[target], dim=-1).sort(descending=True).values
            size = max(own, other)
            total = total + (F.pad(p, (0, size - own)) - F.pad(q, (0, size - other))).abs().sum()
        return total / normaliser

    return case(loss, [student, teacher], [student], normaliser=normaliser, pairs=pairs)


def huber(x):
    return torch.where(x.abs() <= 1, x * x / 2, x.abs() - 0.5)


def rkd(kind, shards=3, n=5):
    # Spread out, so that some differences pass Huber's knee.
    student, teacher = normal(n, 4) * torch.tensor([[4.0], [1.0], [1.0], [0.25], [1.0]]), normal(n, 7)
    student.requires_grad_()

    def distances(x):
        rows = torch.stack([torch.stack([(x[i] - x[j]).norm() if i != j else x.sum() * 0 for j in range(n)])
                            for i in range(n)])
        return rows / (rows.sum() / (n * (n - 1)))

    def loss():
        if kind == "distance":
            pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
            s, t = distances(student), distances(teacher)
            return sum(huber(s[i, j] - t[i, j]) for i, j in pairs) / len(pairs) / shards
        triples = [(i, j, k) for i in range(n) for j in range(n) for k in range(n) if len({i, j, k}) == 3]
        cosine = lambda x, i, j, k: F.cosine_similarity(x[j] - x[i], x[k] - x[i], dim=0, eps=0)
        return sum(huber(cosine(student, *t) - cosine(teacher, *t)) for t in triples) / len(triples) / shards

    return case(loss, [student, teacher], [student], shards=shards)


def stretched(x, length):
    """Rows of x [m, d] at `length` places equally far apart, ends on ends."""
    if length == x.shape[0]:
        return x
    if length == 1:
        return x[:1]
    return F.interpolate(x.T[None], size=length, mode="linear", align_corners=True)[0].T


def hidden(student_lengths, teacher_lengths, sequences=4):
    student = normal(sum(student_lengths), 3).requires_grad_()
    teacher = normal(sum(teacher_lengths), 3)

    def loss():
        total, s, t = 0, 0, 0
        for n, m in zip(student_lengths, teacher_lengths):
            total = total + F.mse_loss(student[s : s + n], stretched(teacher[t : t + m], n))
            s, t = s + n, t + m
        return total / sequences

    return case(loss, [student, teacher], [student], student_lengths=student_lengths,
                teacher_lengths=teacher_lengths, sequences=sequences)


def scores(student_lengths, teacher_lengths, sequences=4):
    student = normal(sum(n * n for n in student_lengths)).requires_grad_()
    teacher = normal(sum(m * m for m in teacher_lengths))

    def between(row, column, t):
        """The map at a place between entries: the visible neighbours by their bilinear weights."""
        total, weights = 0, 0
        for i in {int(row), min(int(row) + 1, t.shape[0] - 1)}:
            for j in {int(column), min(int(column) + 1, t.shape[0] - 1)}:
                weight = max(0, 1 - abs(row - i)) * max(0, 1 - abs(column - j))
                if j <= i:
                    total, weights = total + weight * t[i, j], weights + weight
        return total / weights

    def loss():
        total, s, t = 0, 0, 0
        for n, m in zip(student_lengths, teacher_lengths):
            own, other = student[s : s + n * n].view(n, n), teacher[t : t + m * m].view(m, m)
            place = [i * (m - 1) / (n - 1) if n > 1 else 0 for i in range(n)]
            entries = [(own[i, j] - between(place[i], place[j], other)) ** 2 for i in range(n) for j in range(i + 1)]
            total = total + sum(entries) / len(entries)
            s, t = s + n * n, t + m * m
        return total / sequences

    return case(loss, [student, teacher], [student], student_lengths=student_lengths,
                teacher_lengths=teacher_lengths, sequences=sequences)


def attention(heads=4, groups=2, width=3, lengths=(4, 2)):
    """The mean over heads of Q K^T / sqrt(width), probed by a random weighting."""
    total = sum(lengths)
    q, k = normal(total, heads * width).requires_grad_(), normal(total, groups * width).requires_grad_()
    probe = normal(sum(n * n for n in lengths))

    def loss():
        maps, start = [], 0
        for n in lengths:
            queries = q[start : start + n].view(n, heads, width)
            keys = k[start : start + n].view(n, groups, width).repeat_interleave(heads // groups, dim=1)
            maps.append((torch.einsum("ihw,jhw->hij", queries, keys) / width**0.5).mean(0).flatten())
            start += n
        return (torch.cat(maps) * probe).sum()

    return case(loss, [q, k, probe], [q, k], heads=heads, groups=groups, student_lengths=list(lengths))


def gradnorm():
    """Three updates of three weights, the last with a term that has no gradient."""
    asymmetry, rate = 1.5, 0.5
    initial = torch.tensor([2.0, 0.5, 1.0])
    weights = torch.ones(3)
    steps = []
    for active in ([0, 1, 2], [0, 1, 2], [0, 2]):
        losses = torch.rand(3) + 0.1
        norms = torch.rand(3) + 0.1
        for index in range(3):
            if index not in active:
                norms[index] = 0
        ratio = losses[active] / initial[active]
        target = norms[active].mean() * (ratio / ratio.mean()) ** asymmetry
        moved = weights[active] * (target / norms[active]) ** rate
        weights[active] = moved * weights[active].sum() / moved.sum()
        steps.append({"losses": losses.tolist(), "norms": norms.tolist(), "weights": weights.tolist()})
    return {"asymmetry": asymmetry, "rate": rate, "initial": initial.tolist(), "steps": steps}


print(json.dumps({
    "made_with": "PyTorch " + torch.__version__.split("+")[0],
    "kl": [kl(), kl(temperature=1.0)],
    "uld": [uld(17, 17), uld(12, 31), uld(40, 9)],
    "distance": [rkd("distance")],
    "angle": [rkd("angle")],
    "hidden": [hidden([5, 1, 3], [5, 4, 8]), hidden([6, 4], [2, 1])],
    "scores": [scores([4, 1, 3], [4, 3, 8]), scores([6, 5], [2, 1])],
    "attention": [attention(), attention(heads=3, groups=3)],
    "gradnorm": gradnorm(),
}, separators=(",", ":")))
