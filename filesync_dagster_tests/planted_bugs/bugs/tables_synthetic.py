"""Bugs in the synthetic engine."""

from filesync_dagster_tests.planted_bugs.bug import Bug

FOLDER = "filesync_dagster_tests/tables/synthetic"
PLANTED = f"{FOLDER}/test_planted.py"
SHAPES = f"{FOLDER}/test_shapes.py"
CHOICES = f"{FOLDER}/test_choices.py"
VALUES = f"{FOLDER}/test_privacy_of_values.py"
RULES = f"{FOLDER}/test_rules.py"
SIBLINGS = f"{FOLDER}/test_siblings.py"
ODD = f"{FOLDER}/test_odd_tables.py"
WORDS = f"{FOLDER}/test_schema_only.py"
MODELS = f"{FOLDER}/test_model_file.py"
DOCUMENTS = f"{FOLDER}/test_documents.py"
ENGINE = "tables/synthetic"

BUGS = (
    Bug(
        "codes of a parent are made anew for its children",
        f"{ENGINE}/fitter.py",
        "return take_codes(self.codes(link.parent, rest), self.parents[link.relation])",
        "return np.unique(-take_codes(self.codes(link.parent, rest), self.parents[link.relation]), return_inverse=True)"
        "[1].astype(np.int32)",
        PLANTED,
        "facts",
    ),
    Bug(
        "siblings are on both sides of a test",
        f"{ENGINE}/selection.py",
        "draw = np.random.default_rng(seed).random(len(ids))[places]",
        "draw = np.random.default_rng(seed).random(len(groups))",
        CHOICES,
        "whole",
    ),
    Bug(
        "donors come from the whole column",
        f"{ENGINE}/trees.py",
        "first = self.offsets[:-1][leaves]",
        "first = random.integers(max(len(self.values), 1), size=len(leaves))",
        PLANTED,
        "facts",
    ),
    Bug(
        "parents without children are left out of the counts",
        f"{ENGINE}/kinship.py",
        "present = ColumnValues(counts, np.zeros(rows, dtype=bool))",
        "present = ColumnValues(np.maximum(counts, 1), np.zeros(rows, dtype=bool))",
        SHAPES,
        "odd_families",
    ),
    Bug(
        "the second parent is anybody of its group",
        f"{ENGINE}/layout.py",
        "weights = np.maximum(weights, 0)",
        "weights = np.ones_like(weights)",
        CHOICES,
        "second",
    ),
    Bug(
        "a foreign key is numbered in its own way",
        f"{ENGINE}/state.py",
        "return known.take(pa.array(np.maximum(rows, 0), mask=rows < 0))",
        "return known.take(pa.array(np.maximum(len(known) - 1 - rows, 0), mask=rows < 0))",
        PLANTED,
        "facts or as_many",
    ),
    Bug(
        "a bound is kept before values are rounded",
        f"{ENGINE}/rule_steps.py",
        "found = np.where(found < low, found + self.book.step, found)",
        "pass",
        CHOICES,
        "bound",
    ),
    Bug(
        "a distance from NULL is a distance",
        f"{ENGINE}/rule_fit.py",
        "tight = np.flatnonzero(~loose)",
        "tight = np.arange(len(loose))",
        CHOICES,
        "bound",
    ),
    Bug(
        "blocks have the same seed",
        f"{ENGINE}/blocks.py",
        "step.draw(draft, work.random(name, step.name, *place))",
        "step.draw(draft, work.random(name, step.name))",
        VALUES,
        "blocks",
    ),
    Bug(
        "people come from no seed",
        f"{ENGINE}/people.py",
        "faker.seed_instance(int(random.integers(SEED_LIMIT)))",
        "faker.seed_instance(None)",
        VALUES,
        "seed",
    ),
    Bug(
        "children are scaled again",
        f"{ENGINE}/ancestry.py",
        "return round(model.rows * work.states[link.parent].rows / parent.rows) if parent.rows else 0",
        "return round(work.request.scale * model.rows * work.states[link.parent].rows / parent.rows)",
        SHAPES,
        "every_scale and composite",
    ),
    Bug(
        "rare values are kept",
        f"{ENGINE}/books.py",
        "if keep_rare or pa.types.is_boolean(values.type) or not rare.any():",
        "if keep_rare or len(values):",
        VALUES,
        "nothing_of_a_person",
    ),
    Bug(
        "rules in words are not drawn",
        f"{ENGINE}/schema_only/describe.py",
        "about = tuple(rule for rule in self.rules if rule.table == schema.name and rule.columns == (column.name,))",
        "about = ()",
        WORDS,
        "shop",
    ),
    Bug(
        "numbers of a text are no bounds",
        f"{ENGINE}/schema_only/words.py",
        'plain = text.replace(",", "").replace("_", "")',
        'plain = text.partition(",")[0]',
        WORDS,
        "read_from_words",
    ),
    Bug(
        "what is made up comes from no seed",
        f"{ENGINE}/people.py",
        "return [pool[i] for i in random.integers(len(pool), size=draft.rows)]",
        "return [pool[i] for i in np.random.default_rng().integers(len(pool), size=draft.rows)]",
        WORDS,
        "seed",
    ),
    Bug(
        "the second parent does not go with the first",
        f"{ENGINE}/ancestry.py",
        "state.parents[number] = _agree(work, model, state, link)",
        "pass",
        RULES,
        "go_together",
    ),
    Bug(
        "a row is foretold from itself",
        f"{ENGINE}/siblings.py",
        "return ColumnValues(np.rint(means * RANK_COUNT).astype(np.int64), null)",
        "return ColumnValues(np.rint(ranks * RANK_COUNT).astype(np.int64), null)",
        SIBLINGS,
        "resemble",
    ),
    Bug(
        "orphans are not counted",
        f"{ENGINE}/fit.py",
        "orphans = float(np.mean(parents == ORPHAN)) if len(parents) else 0.0",
        "orphans = 0.0",
        ODD,
        "orphans",
    ),
    Bug(
        "keys of JSON that few rows have are shown",
        f"{ENGINE}/documents.py",
        "if count >= options.k_min or options.keep_rare))",
        "if count))",
        DOCUMENTS,
        "nothing_of_one",
    ),
    Bug(
        "leaves of JSON do not go with their row",
        f"{ENGINE}/documents.py",
        "return other if mine is None else mine",
        "return other",
        DOCUMENTS,
        "shapes",
    ),
    Bug(
        "letters that one code alone has are learnt",
        f"{ENGINE}/ngrams.py",
        "        if count >= k_min:\n",
        "        if count:\n",
        DOCUMENTS,
        "codes",
    ),
    Bug(
        "codes that are made may be real",
        f"{ENGINE}/ngrams.py",
        "if not is_among(text, self.real):",
        "if text:",
        DOCUMENTS,
        "codes",
    ),
    Bug(
        "the trees of a file are not checked",
        f"{ENGINE}/model_file.py",
        "if np.any((seen < 0) | (seen >= columns)):",
        "if False:",
        MODELS,
        "leads_nowhere",
    ),
    Bug(
        "models are unpickled",
        f"{ENGINE}/model_file.py",
        "np.load(io.BytesIO(data), allow_pickle=False)",
        "np.load(io.BytesIO(data), allow_pickle=True)",
        MODELS,
        "nothing_foreign",
    ),
    Bug(
        "a fitted model is generated from with another seed",
        "tables/sessions/run.py",
        'return _write(request.model_copy(update={"report": False}), real, _Learned(model), folder, out, seed, watch)',
        'return _write(request.model_copy(update={"report": False}), real, _Learned(model), folder, out, seed + 1, '
        "watch)",
        MODELS,
        "command_line",
    ),
    Bug(
        "orphans are NULL, whatever was asked for",
        f"{ENGINE}/orphans.py",
        "found[rows] = keys.spread(len(rows), random)",
        "found[rows] = NO_PARENT",
        ODD,
        "orphans_are_kept",
    ),
    Bug(
        "orphans name a parent that is there",
        f"{ENGINE}/orphans.py",
        "fresh = np.flatnonzero(pc.invert(pc.is_in(made, known)).to_numpy(zero_copy_only=False))",
        "fresh = np.arange(count)",
        ODD,
        "orphans",
    ),
    Bug(
        "more orphans than were asked for are fine",
        f"{ENGINE}/verify.py",
        "if lost > round(",
        "if lost < 0 * round(",
        ODD,
        "orphans_are_kept",
    ),
    Bug(
        "each orphan names another nobody",
        f"{ENGINE}/orphans.py",
        "np.repeat(np.arange(len(sizes), dtype=np.int64), random.permutation(sizes))[:rows]",
        "np.arange(rows, dtype=np.int64)",
        ODD,
        "orphans_are_kept",
    ),
)
