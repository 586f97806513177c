"""METHOD section 2 once more, slow and obvious: plain dicts, sorted() and exact sums.

Written from the method's text alone; it shares no code with the library.
"""

import math

# written from what the packages do: bounds, first and last rank, what ranks count, at random
RECIPES = {
    "st_default": {},
    "st_example": {"share": 0.05, "most": 0.8, "first": 10, "last": 50, "random": True},
    "flag_embedding": {"first": 2, "last": 200, "as_found": True, "random": True},
    "nemo": {"share": 0.05},
}


def score(a, b):
    """Step 0."""
    return round(math.fsum(float(x) * float(y) for x, y in zip(a, b, strict=True)), 9) + 0.0


def mine(
    rows, queries, targets, strategy, k, m, labelled=False, draw=None, orders=None, recipe=None
):
    """Clusters as dicts, and the dropped queries.

    ``rows``: (query id, target id) per pair; ``queries``, ``targets``: vectors by id.
    ``draw(anchor_pair, n)``: k sorted places out of n, for pool_random.
    ``orders``: for each pass the random order of the query ids, for same_task.
    ``recipe``: of filtered, as those of ``RECIPES``.
    """
    if strategy == "in_batch":
        alone = [
            {"anchor": pair, "negatives": [], "phase": 1, "hardness": [], "overlap": []}
            for pair in range(len(rows))
        ]
        return alone, []

    known, owners, last_row = {}, {}, {}
    for pair, (query, target) in enumerate(rows):
        known.setdefault(query, set()).add(target)
        owners.setdefault(target, set()).add(query)
        last_row[query] = pair
    recipe = RECIPES.get(strategy, recipe)
    size = 2 * k * m
    if recipe is not None and "last" in recipe:
        size = recipe["last"] + max(len(of_query) for of_query in known.values())
    elif recipe is not None:
        size += recipe.get("first", 0)
    lines = {phase: list(order) for phase, order in (orders or {}).items()}

    def searched(pair, phase, is_free):
        query = rows[pair][0]
        to_target = {t: score(queries[query], targets[t]) for t in owners}
        pool = sorted(to_target, key=lambda t: (-to_target[t], t))[:size]
        found = []
        for rank, target in enumerate(pool):
            if target in known[query]:
                continue
            free = [
                q
                for q in owners[target]
                if q != query and is_free(q) and q not in [one[0] for one in found]
            ]
            if not free:
                continue
            owner = min(free, key=lambda q: (-score(queries[query], queries[q]), q))
            if rows[last_row[owner]][1] in known[query]:
                continue
            found.append((owner, to_target[target], rank))
            if recipe is None and phase == 1 and len(found) == k * m:
                break
        return found

    def by_chance(pair, phase, is_free):
        query = rows[pair][0]
        fit = [
            q
            for q in lines[phase]
            if q != query and is_free(q) and rows[last_row[q]][1] not in known[query]
        ]
        return [(q, None, None) for q in fit[:k]]

    def filtered(pair, found):
        query = rows[pair][0]
        positive = min(score(queries[query], targets[t]) for t in known[query])
        left = []
        for one in found:
            bounds = [
                one[1] <= round(positive - recipe.get("margin", -9), 9),
                one[1] <= round(positive - recipe.get("share", 0) * abs(positive), 9)
                or "share" not in recipe,
                one[1] <= recipe.get("most", 9),
                one[1] >= recipe.get("least", -9),
            ]
            if all(bounds):
                left.append(one)
        first, last = recipe.get("first", 0), recipe.get("last", 10**9)
        if recipe.get("as_found"):
            left = [one for one in left if first <= one[2] < last]
        else:
            left = left[:last][first:]
        if recipe.get("random") and len(left) > k:
            return [left[i] for i in draw(pair, len(left))]
        return left[:k]

    def keep(pair, found):
        query, target = rows[pair]
        positive = score(queries[query], targets[target])
        if strategy == "saha" and not labelled:
            likeness = [score(queries[query], queries[one[0]]) for one in found]
            order = sorted(range(len(found)), key=lambda i: (likeness[i], i))
            return [found[i] for i in order[:k]]
        if strategy == "both_sides" and not labelled:
            own = targets[target]
            sides = [
                [score(queries[query], queries[one[0]]) for one in found],
                [score(own, targets[rows[last_row[one[0]]][1]]) for one in found],
            ]
            places = [sorted(range(len(found)), key=lambda i, v=v: (v[i], i)) for v in sides]
            alike = [
                all(10 * (order.index(i) + 1) > 7 * len(found) for order in places)
                for i in range(len(found))
            ]
            return [c for c, out in zip(found, alike, strict=True) if not out][:k]
        if strategy == "margin":
            return [c for c in found if c[1] <= round(positive - 0.05, 9)][:k]
        if strategy == "perc_pos":
            return [c for c in found if c[1] <= round(positive - 0.05 * abs(positive), 9)][:k]
        if recipe is not None:
            return filtered(pair, found)
        if strategy == "pool_tail":
            return found[-k:]
        if strategy == "pool_random" and len(found) > k:
            return [found[i] for i in draw(pair, len(found))]
        return found[:k]

    used, clusters = set(), []
    for phase in (1, 2):
        negatives_of_pass = set()
        for pair, (query, _) in enumerate(rows):
            if query in used:
                continue

            def is_free(q, not_free=used if phase == 1 else negatives_of_pass):
                return q not in not_free

            candidates = by_chance if strategy == "same_task" else searched
            kept = [one[0] for one in keep(pair, candidates(pair, phase, is_free))]
            if not kept:
                continue
            pairs = [last_row[owner] for owner in kept]
            clusters.append(
                {
                    "anchor": pair,
                    "negatives": pairs,
                    "phase": phase,
                    "hardness": [score(queries[query], targets[rows[p][1]]) for p in pairs],
                    "overlap": [score(queries[query], queries[owner]) for owner in kept],
                }
            )
            used |= {query, *kept}
            negatives_of_pass |= set(kept)
    return clusters, sorted({query for query, _ in rows} - used)
