# Report: one offline page of the whole study; what it was made of; what makes runs comparable.
# in:  tables/, figures/, everything under results/<experiment>/
# out: report.html, provenance.html, config.yaml, digest.tsv, archive.zip; paper_figures/ and the numbers of
#      README.md and docs/ (publish alone)
# by:  write_report.py, write_provenance.py, digest_results.py, publish_results.py, fill_numbers.py,
#      archive_results.py, plot_timeline.py

PUBLISHED_IN = "paper_figures"
# what an experiment of doses, of real text or of your own data shows is published in a folder of its own
APART = study.doses or config["data"]["source"] in ("wordnet", "own")
PUBLISHED = f"{PUBLISHED_IN}/{config['experiment']}" if APART else PUBLISHED_IN
SHOWN_TABLES = WHEN_TABLES if study.doses else rules.tables.input
RATES_OF_CLAIMS = [] if study.doses else study.pooled_rates
SHOWN_FIGURES = WHEN_FIGURES if study.doses else rules.figures.input


rule report:
    input:
        f"{RESULTS}/report.html",


rule publish:
    input:
        f"{PUBLISHED}/README.md",


rule plan:
    input:
        program("plan_run.py"),
        config=study.paths.config,
    log:
        f"{RESULTS}/logs/plan.log",
    conda:
        "../envs/workflow.yaml"
    params:
        results=subpath(input.config, parent=True),
        measured=lambda wildcards: Layout(config["plan_from"] or config["experiment"]).root,
        asks="yes" if study.downloads else "no",
        job=lambda wildcards: jobs.fetching() if study.downloads else "[]",
    shell:
        # it has no output: what is here decides what is said, so it is said anew each time
        'downloads=$(mktemp) && jobs=$(mktemp) && trap \'rm -f "$downloads" "$jobs"\' EXIT && '
        "if [ {params.asks:q} = yes ]; then printf '%s' {params.job:q}"
        ' | python scripts/fetch_data.py --job-list - --tries 1 --plan > "$downloads" 2> {log:q}'
        " || echo 'the hub was not reached: bytes are not known' >&2; fi && "
        "snakemake --dry-run --nolock --cores 1 --configfile {input.config:q} -- all"
        ' > "$jobs" 2>> {log:q} && '
        "python scripts/plan_run.py --config {input.config:q} --results {params.results:q}"
        ' --measured {params.measured:q} --downloads "$downloads" --jobs "$jobs"'
        " --out {params.results:q}/plan.run.json 2>> {log:q}"


rule write_configuration:
    output:
        study.paths.config,
    log:
        f"{RESULTS}/logs/write_configuration.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_configuration.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        text=lambda wildcards: yaml.safe_dump(config, sort_keys=False),
    shell:
        "printf '%s' {params.text:q} > {output:q} 2> {log:q}"


rule write_provenance:
    input:
        program("write_provenance.py"),
        SHOWN_TABLES,
        SHOWN_FIGURES,
        config=rules.write_configuration.output,
    output:
        html=report(f"{RESULTS}/provenance.html", category="Provenance"),
        facts=f"{RESULTS}/provenance.run.json",
    log:
        f"{RESULTS}/logs/write_provenance.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_provenance.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        results=subpath(output[0], parent=True),
    shell:
        "python scripts/write_provenance.py --results {params.results:q} --config {input.config:q}"
        " --out {output.html:q} > {log:q} 2>&1"


rule write_report:
    input:
        program("write_report.py"),
        config=rules.write_configuration.output,
        provenance=rules.write_provenance.output.facts,
        figures=[path for path in SHOWN_FIGURES if path.endswith(".png")],
        tables=[path for path in SHOWN_TABLES if path.endswith(".html")],
        rates=RATES_OF_CLAIMS,
    output:
        f"{RESULTS}/report.html",
    log:
        f"{RESULTS}/logs/write_report.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_report.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        results=subpath(output[0], parent=True),
        figures=lambda wildcards, input: flags({"figures": input.figures or None}),
        tables=lambda wildcards, input: flags({"tables": input.tables or None}),
        rates=flags({"rates": RATES_OF_CLAIMS or None}),
    shell:
        "python scripts/write_report.py --results {params.results:q} --config {input.config:q}"
        " --provenance {input.provenance:q} {params.figures:q} {params.tables:q} {params.rates:q}"
        " --out {output:q}"
        " > {log:q} 2>&1"


rule digest:
    input:
        program("digest_results.py"),
        rules.evaluate.input,
        rules.tables.input,
        rules.figures.input,
        config=study.paths.config,
    log:
        f"{RESULTS}/logs/digest.log",
    conda:
        "../envs/data.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        results=subpath(input.config, parent=True),
    shell:
        # it has no output: it says what lies there now, so it is computed at every call
        "python scripts/digest_results.py --results {params.results:q}"
        " --out {params.results:q}/digest.tsv > {log:q} 2>&1"


rule timeline:
    input:
        program("plot_timeline.py"),
        rules.tables.input,
        rules.figures.input,
        config=study.paths.config,
    log:
        f"{RESULTS}/logs/timeline.log",
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        results=subpath(input.config, parent=True),
        # a function: written out, the name would be the start of an input's name
        out=lambda wildcards: str(
            Path(study.paths.figures("timeline", folder="benchmarks")[0]).parent
        ),
    shell:
        # it has no output: it draws what lies there now
        "python scripts/plot_timeline.py --results {params.results:q} --out {params.out:q}"
        " > {log:q} 2>&1"


rule archive:
    input:
        program("archive_results.py"),
        rules.write_report.output,
        rules.evaluate.input,
        config=study.paths.config,
    log:
        f"{RESULTS}/logs/archive.log",
    conda:
        "../envs/data.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        results=subpath(input.config, parent=True),
    shell:
        # it has no output: it packs what lies there now
        "python scripts/archive_results.py --results {params.results:q}"
        " --out {params.results:q}/archive.zip > {log:q} 2>&1"


rule publish_results:
    input:
        program("publish_results.py"),
        program("fill_numbers.py"),
        figures=[path for path in SHOWN_FIGURES if path.endswith(".png")],
        tables=[path for path in SHOWN_TABLES if path.endswith(".md")],
        provenance=rules.write_provenance.output.facts,
    output:
        f"{PUBLISHED}/README.md",
    log:
        f"{RESULTS}/logs/publish_results.log",
    benchmark:
        f"{RESULTS}/benchmarks/publish_results.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        experiment=config["experiment"],
        out=subpath(output[0], parent=True),
        figures=lambda wildcards, input: flags({"figures": input.figures or None}),
        numbers=subpath(output[0], ancestor=2 if APART else 1),
        pages=["README.md", *sorted(map(str, Path("docs").glob("*.md")))],
    shell:
        "(python scripts/publish_results.py {params.figures:q} --tables {input.tables:q}"
        " --experiment {params.experiment:q} --provenance {input.provenance:q} --out {params.out:q} &&"
        " python scripts/fill_numbers.py --numbers {params.numbers:q} --pages {params.pages:q})"
        " > {log:q} 2>&1"
