"""The losses as users of PyTorch, POT and GeomLoss would write them, each in its best forms.

Started by compare_losses.py, one process per setting. Reads a form's name and a number of runs from each line of standard
input and answers with one line of JSON: milliseconds of each run.
"""

import json
import math
import sys
import time

import torch
import torch.nn.functional as F

SINKHORN = dict(problems=32, rows=256, columns=64, sweeps=100, epsilon=0.05)
LOSSES = dict(B=8, Ls=192, Lt=384, Ds=576, Dt=1024, heads=9, Nt=256, Ns=64, D=576, sweeps=50)


class Sinkhorn:
    """From given costs to plan and value: exactly so many sweeps, uniform marginals."""

    def __init__(self, problems, rows, columns, sweeps, epsilon):
        generator = torch.Generator().manual_seed(1)
        self.cost = torch.randn(problems, rows, columns, generator=generator) ** 2
        self.rows, self.columns, self.sweeps, self.epsilon = rows, columns, sweeps, epsilon
        self._compiled = {}

    def _scale(self, kernel, transposed):
        b = kernel.new_ones(kernel.shape[0], 1, self.columns)
        for _ in range(self.sweeps):
            a = (1 / self.rows) / torch.bmm(b, transposed)
            b = (1 / self.columns) / torch.bmm(a, kernel)
        plan = a.transpose(1, 2) * kernel * b
        return (plan * self.cost).sum((1, 2))

    def torch_bmm(self):
        kernel = torch.exp(-self.cost / self.epsilon)
        return self._scale(kernel, kernel.transpose(1, 2))

    def torch_bmm_copy(self):
        kernel = torch.exp(-self.cost / self.epsilon)
        return self._scale(kernel, kernel.transpose(1, 2).contiguous())

    def torch_log(self):
        scores = -self.cost / self.epsilon
        f = scores.new_zeros(scores.shape[0], self.rows)
        g = scores.new_zeros(scores.shape[0], self.columns)
        for _ in range(self.sweeps):
            f = -math.log(self.rows) - torch.logsumexp(scores + g[:, None, :], 2)
            g = -math.log(self.columns) - torch.logsumexp(scores + f[:, :, None], 1)
        plan = torch.exp(scores + f[:, :, None] + g[:, None, :])
        return (plan * self.cost).sum((1, 2))

    def compiled(self, form):
        if form not in self._compiled:
            self._compiled[form] = torch.compile(getattr(self, form))
        return self._compiled[form]()

    def torch_bmm_compiled(self):
        return self.compiled("torch_bmm")

    def torch_log_compiled(self):
        return self.compiled("torch_log")

    def pot_batch(self):
        import ot.batch

        return ot.batch.solve_batch(
            self.cost, self.epsilon, max_iter=self.sweeps, tol=0, method="sinkhorn"
        ).value_linear

    def pot_each(self):
        import numpy
        import ot

        a = numpy.full(self.rows, 1 / self.rows, numpy.float32)
        b = numpy.full(self.columns, 1 / self.columns, numpy.float32)
        values = []
        for cost in self.cost.numpy():
            plan = ot.sinkhorn(a, b, cost, self.epsilon, numItermax=self.sweeps, stopThr=0, warn=False)
            values.append((plan * cost).sum())
        return torch.tensor(numpy.array(values))

    def geomloss(self):
        # The library's own loop over epsilons, held at one; it averages both updates, so its value is another after the
        # same number of sweeps, and it takes four reductions a sweep where two would do.
        from geomloss._legacy.sinkhorn_divergence import sinkhorn_loop
        from geomloss._legacy.sinkhorn_samples import softmin_tensorized

        problems = self.cost.shape[0]
        a = torch.full((problems, self.rows), -math.log(self.rows))
        b = torch.full((problems, self.columns), -math.log(self.columns))
        transposed = self.cost.transpose(1, 2).contiguous()
        schedule = [self.epsilon] * self.sweeps
        sinkhorn_loop(softmin_tensorized, a, b, None, None, self.cost, transposed, schedule, None, debias=False)
        return None


class Losses:
    """Alignment, transport and relations, forward and backward, at the shapes of `evl-dist bench losses`."""

    def __init__(self, B, Ls, Lt, Ds, Dt, heads, Nt, Ns, D, sweeps):
        generator = torch.Generator().manual_seed(1)

        def normal(*shape):
            return torch.randn(*shape, generator=generator)

        def weight(rows, columns):
            return (normal(rows, columns) / math.sqrt(rows)).requires_grad_()

        self.shape = (B, Ls, Lt, Ds, heads, Nt, Ns, D)
        self.sweeps = sweeps
        self.student, self.teacher = normal(B, Ls, Ds).requires_grad_(), normal(B, Lt, Dt)
        self.visual, self.target = normal(B, Ns, D).requires_grad_(), normal(B, Nt, D)
        self.q, self.k, self.v, self.o = weight(Ds, Ds), weight(Dt, Ds), weight(Dt, Ds), weight(Ds, Ds)
        self.map, self.bias = weight(D, D), torch.zeros(D, requires_grad=True)
        self.leaves = [self.student, self.visual, self.q, self.k, self.v, self.o, self.map, self.bias]

    def aligned(self, fused):
        B, Ls, Lt, Ds, heads = self.shape[:5]

        def split(x):
            return x.view(B, -1, heads, Ds // heads).transpose(1, 2)

        q, k, v = split(self.student @ self.q), split(self.teacher @ self.k), split(self.teacher @ self.v)
        if fused:
            out = F.scaled_dot_product_attention(q, k, v)
        else:
            out = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(Ds // heads), -1) @ v
        return out.transpose(1, 2).reshape(B, Ls, Ds) @ self.o

    @staticmethod
    def distances(x, product):
        if not product:
            return torch.cdist(x, x)
        squares = (x * x).sum(-1)
        between = torch.baddbmm(squares[:, None, :], x, x.transpose(1, 2), alpha=-2) + squares[:, :, None]
        return between.clamp_min(1e-12).sqrt()

    def relations(self, aligned, product):
        n = self.shape[1]

        def scaled(x):
            d = self.distances(x, product)
            return d / (d.sum((1, 2), keepdim=True) / (n * (n - 1)))

        def cosines(x):
            u = F.normalize(x, dim=-1, eps=1e-12)
            return u @ u.transpose(1, 2)

        return 0.5 * (
            F.mse_loss(scaled(aligned), scaled(self.student)) + F.mse_loss(cosines(aligned), cosines(self.student))
        )

    def transport(self):
        B, Nt, Ns = self.shape[0], self.shape[5], self.shape[6]
        projected = self.visual @ self.map + self.bias
        with torch.no_grad():
            tt, ss = (self.target * self.target).sum(-1), (projected * projected).sum(-1)
            cost = tt[:, :, None] + ss[:, None, :] - 2 * torch.bmm(self.target, projected.transpose(1, 2))
            kernel = torch.exp(-cost / (0.05 * cost.mean((1, 2), keepdim=True)))
            transposed = kernel.transpose(1, 2)
            b = kernel.new_ones(B, 1, Ns)
            for _ in range(self.sweeps):
                a = (1 / Nt) / torch.bmm(b, transposed)
                b = (1 / Ns) / torch.bmm(a, kernel)
            plan = a.transpose(1, 2) * kernel * b
            rows, columns = plan.sum(2), plan.sum(1)
        # <P, C> with P constant, without a gradient of the size of C.
        cross = (torch.bmm(plan.transpose(1, 2), self.target) * projected).sum()
        return ((columns * (projected * projected).sum(-1)).sum() + (rows * tt).sum() - 2 * cross) / B

    def loss(self, fused, product):
        aligned = self.aligned(fused)
        alignment = ((self.student - aligned) ** 2).sum(-1).mean()
        return alignment / self.shape[3] + self.relations(aligned, product) + self.transport() / self.shape[7]

    def step(self, loss):
        for leaf in self.leaves:
            leaf.grad = None
        value = loss()
        value.backward()
        return value.detach()

    def plain_cdist(self):
        return self.step(lambda: self.loss(False, False))

    def plain_product(self):
        return self.step(lambda: self.loss(False, True))

    def fused_cdist(self):
        return self.step(lambda: self.loss(True, False))

    def fused_product(self):
        return self.step(lambda: self.loss(True, True))

    def compiled(self):
        if not hasattr(self, "_compiled"):
            self._compiled = torch.compile(lambda: self.loss(True, True))
        return self.step(self._compiled)


def peak_bytes(run):
    """Largest sum of live allocations while `run` runs, those it leaves behind (the gradients) included."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    live = peak = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak


def main():
    torch.set_num_threads(1)
    if "medium" in sys.argv[1:]:
        torch.set_float32_matmul_precision("medium")
    makers = {"sinkhorn": lambda: Sinkhorn(**SINKHORN), "losses": lambda: Losses(**LOSSES)}
    made = {}
    for line in sys.stdin:
        suite, form, what = line.split()
        if suite not in made:
            made[suite] = makers[suite]()
        run = getattr(made[suite], form)
        with torch.set_grad_enabled(suite == "losses"):
            value = run()
            if what == "value":
                answer = None if value is None else value.flatten().tolist()
            elif what == "memory":
                for leaf in made[suite].leaves:
                    leaf.grad = None
                answer = peak_bytes(run)
            else:
                answer = []
                for _ in range(int(what)):
                    start = time.perf_counter()
                    run()
                    answer.append(1e3 * (time.perf_counter() - start))
        print(json.dumps(answer), flush=True)


main()
