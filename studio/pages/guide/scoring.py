"""What a job says: its input, its rows, its output, and the processes that score."""

from django.utils.translation import gettext_lazy as _

from studio.pages.guide.entries import Entry

ENTRIES = [
    Entry(
        _("The input lacks a column"),
        [
            "The model needs the column %(name)s, which this input does not have. Choose another data asset or version.",
            "The model needs the columns %(names)s, which this input does not have. Choose another data asset or version.",
            "… lacks …, which the model needs. It has ….",
            "… has none of the columns that the model takes: ….",
            "… has … columns; the model needs ….",
        ],
        _(
            "The model’s signature names columns that every input must have. Names are compared letter by letter: "
            "“Age” and “age” are two columns."
        ),
        _(
            "Open the model’s page, Details, and compare its signature with the first row of the file. Rename or add "
            "the column in the data and upload it as a new version, or choose other data. More columns than the "
            "model takes do no harm."
        ),
        "data",
    ),
    Entry(
        _("A value does not fit the model’s type"),
        ["column '…' is not …: '…'", "column '…' is missing, and the model's type … has no missing"],
        _(
            "Values are cast to the model’s signature as they are read. This one cannot be cast, such as a word in a "
            "column of numbers, or an empty field where the type has no missing values (whole numbers, booleans)."
        ),
        _(
            "The row is in errors.csv with its file, row and message; all other rows were scored. Mend the row and "
            "score the file again. If the column may be empty, log the model with a signature of doubles: they may."
        ),
        "data",
    ),
    Entry(
        _("No row could be scored"),
        ["None of the %(rows)s rows could be scored; errors.csv in the outputs has them. %(first)s"],
        _(
            "Every row was refused, so the job counts as failed even where any number of failures is tolerated."
        ),
        _(
            "The sentence ends with the first row’s own reason. Open the job’s Errors tab: when all rows say the "
            "same, the file has another layout than the model expects."
        ),
        "data",
    ),
    Entry(
        _("The input has no rows"),
        ["The input has no rows, so there are no predictions. Check that its files hold more than a header."],
        _("Every file was read to its end, and none has a row beyond its header."),
        _("Open the data asset’s Explore tab to see what its files hold, and choose other data."),
        "data",
    ),
    Entry(
        _("A file of a type that is not scored"),
        [
            "… cannot be scored: … are not supported. Use ….",
            "… files of the input cannot be scored: …. Use …, or start the names of files to leave out with _.",
        ],
        _(
            "Every file of the input must be one that the studio reads. Azure’s job fails in the middle on such a "
            "file; here the job fails before anything is scored."
        ),
        _(
            "Remove the file, convert it, or start its name with a dot or an underscore: such files are left out."
        ),
        "data",
    ),
    Entry(
        _("The input has no file"),
        [
            "The input contains no file to score. Put files there that end in …; names starting with . or _ are left out.",
            "There is nothing at “%(path)s” in the datastore %(store)s. Check the path, or choose another one.",
            "There is no file at “%(path)s” in this datastore.",
        ],
        _(
            "The path names nothing, or a folder without any file that can be scored. Capitals matter in paths."
        ),
        _("Browse the datastore to the folder and take its path from there, or choose a data asset."),
        "data",
    ),
    Entry(
        _("The input cannot be read"),
        [
            "The input cannot be read: %(reason)s. Check the path and its permissions.",
            "This cannot be read: %(reason)s.",
        ],
        _(
            "The storage answered with an error, most often because the studio’s user may not read the folder."
        ),
        _(
            "Open the datastore’s page and press Test access: it lists, writes, reads back and deletes a probe, and "
            "says which of them failed and why."
        ),
        "data",
    ),
    Entry(
        _("A CSV file cannot be read"),
        [
            "… is empty: a CSV file needs a header row with the names of its columns.",
            "The header row of … is not … text. Save the file as UTF-8 and try again.",
            "… is UTF-16 text with something in it that is not. Save it as UTF-8 and try again.",
            "… has NUL bytes in its header row: it is no CSV file, or in an encoding that it does not name. "
            "Save the file as UTF-8 and try again.",
            "… is named like a … file, but it is not text.",
            "… has no header row: its first record is longer than 16 MB.",
            "… has a record longer than … MB….",
            "… cannot be read as CSV: a quote that is opened near its end is never closed.",
            "… cannot be read as CSV: ….",
            "… cannot be read as CSV without losing rows: …",
            "… has more than one column named …",
        ],
        _(
            "The studio reads text whose first row names the columns. A quote that is opened and never closed "
            "swallows all that follows it, so the file is refused rather than cut short."
        ),
        _(
            "Set the delimiter, quotes and encoding under Job settings where the wizard shows wrong ones; or write the "
            "file again, for example with pandas: frame.to_csv(path, index=False), or as Parquet."
        ),
        "data",
    ),
    Entry(
        _("A JSONL file cannot be read"),
        [
            "… is empty: a JSONL file has one JSON object on each line.",
            "… has no JSON object in its first lines: a JSONL file has one on each line.",
            "the line is not a JSON object",
            "column '…' holds a list or an object, and the model takes plain values",
            "column '…' comes up here only: it is not in the first lines of the file",
        ],
        _(
            "Each line of a JSONL file is one JSON object, its keys the columns. One array around all of them, or an "
            "object over several lines, is JSON, but not JSONL. The objects in the first 256 KB say which columns "
            "there are."
        ),
        _(
            "Write the file again, for example with pandas: frame.to_json(path, orient='records', lines=True), which "
            "writes all keys on each line."
        ),
        "data",
    ),
    Entry(
        _("An image cannot be scored"),
        [
            "… is an image, which fits only a model whose signature is one tensor of numbers of the shape "
            "(-1, height, width) or (-1, height, width, channels), with 1, 3 or 4 channels.",
            "%(file)s is an image, and the model takes no images: its signature is not one tensor of numbers of the "
            "shape (-1, height, width, channels). Choose other data, or a model that does.",
            "… is an image, and the environment has no package to read it with. Add pillow to its packages.",
            "… cannot be read as an image: …",
            "… is … pixels (height × width), and the model takes …. Resize it.",
            "… has more than 8 bits for each pixel, and the model takes ….",
            "… is an image, which has no columns to pass through.",
            "… is an image, which has no columns to look at.",
        ],
        _(
            "Images are given to the model as arrays of height, width and channels, with the values and the size that "
            "they have; the model’s signature says which size and how many channels it takes."
        ),
        _(
            "Resize or convert the images as the signature says, or log the model with a signature of the shape "
            "(-1, -1, -1, 3), which takes any size. Leave out files whose names begin with an underscore."
        ),
        "data",
    ),
    Entry(
        _("A zipped file cannot be read"),
        [
            "… cannot be unzipped: it ends too early. Copy or compress it again.",
            "… cannot be unzipped: it is damaged, or no gzip file.",
        ],
        _(
            "The file is named .gz and is not a whole gzip file. An upload that was broken off leaves such files."
        ),
        _("Compress it again with gzip, test it with gzip -t, and make a new version of the data asset."),
        "data",
    ),
    Entry(
        _("A Parquet file cannot be read"),
        [
            "… cannot be read as Parquet: …",
            "… says it has … rows, but holds ….",
            "…: column '…' is nested (…), and the model takes plain values.",
        ],
        _(
            "The file is cut off or damaged, or is no Parquet file. An upload that was broken off leaves such files."
        ),
        _("Copy the file again from its source and make a new version of the data asset."),
        "data",
    ),
    Entry(
        _("A column to pass through is missing"),
        [
            "… lacks …, to be passed through to the output. It has ….",
            "… has more than one column named …, which cannot be passed through.",
        ],
        _("Pass-through columns are copied beside the prediction, so every file must have them, once."),
        _(
            "Take the column out of the job’s or the deployment’s pass-through columns, or add it to the file."
        ),
        "predictions",
    ),
    Entry(
        _("The model answers in a shape that is not one prediction per row"),
        [
            "The model returned … for … rows; batch scoring needs one per row.",
            "The model returned …, which is not one prediction per row.",
            "What the model returned (…) cannot be written: …",
        ],
        _(
            "Each input row becomes one output row, so predict must return as many values as it was given rows. "
            "Models that filter, aggregate or rank their input do not."
        ),
        _(
            "Wrap the model in an mlflow.pyfunc.PythonModel whose predict returns one value (or one row of a data "
            "frame) per input row, and log it again."
        ),
        "predictions",
    ),
    Entry(
        _("The model offers no class probabilities"),
        [
            "The model offers no class probabilities: it has no predict_proba with classes. Turn off Class "
            "probabilities, or deploy a classifier of scikit-learn, XGBoost, LightGBM or CatBoost.",
            "The model's predict_proba returned … for … rows and … classes. Turn off Class probabilities.",
            "The model offers no class probabilities: its trial looked for them. Leave this off.",
        ],
        _(
            "The setting adds one column for each class from the model’s own predict_proba. Regressors have none, and "
            "a model of another kind, or one that is wrapped in own code, does not show it."
        ),
        _(
            "Create the deployment with Class probabilities off, or log the classifier itself with its flavor."
        ),
        "endpoints",
    ),
    Entry(
        _("The signature cannot be filled from files of rows"),
        [
            "The model takes several tensors; files of rows fit only a model that takes one.",
            "Column '…' of the model's signature has the type …, which a file of rows cannot hold.",
            "The model takes a tensor of … …, which neither rows nor images can hold.",
            "… is a file of rows, and the model takes a tensor of the shape …, which rows cannot hold.",
            "… has … columns; the model takes a tensor of shape …, which needs exactly ….",
        ],
        _("A CSV or Parquet file holds rows of plain values; this model wants something else."),
        _("Log the model with a signature of columns, or with one tensor of shape (-1, number of columns)."),
        "models",
    ),
    Entry(
        _("The model’s process ended"),
        [
            "The model's process …. Its log says more.",
            "The model cannot be loaded: …",
            "It may have needed more memory than the … MB it may use.",
            "It and the processes it started took more than … times the … MB that it may use.",
            "It had started … processes, and may start ….",
        ],
        _(
            "Each slot scores in a process of its own with a limit of memory. This one ended in the middle: most "
            "often it needed more memory than a slot has, a native library crashed, or the model kept starting processes."
        ),
        _(
            "Read the end of its log under Outputs + logs. For memory: fewer files per mini-batch, a max concurrency "
            "below the node’s slots, or a cluster with more memory per slot."
        ),
    ),
    Entry(
        _("Something took too long"),
        ["… took longer than … seconds and was stopped."],
        _(
            "A mini-batch may take as long as the scoring timeout says, counted once the model is loaded; loading "
            "may take 600 seconds. It was tried again as often as Max retries allows."
        ),
        _(
            "Raise the scoring timeout in the deployment’s settings or for one job, or lower the mini batch size so "
            "that each has less to do."
        ),
    ),
    Entry(
        _("More files failed than are tolerated"),
        [
            "%(failed)s of %(total)s file failed",
            "%(failed)s of %(total)s files failed",
            "; the error threshold is %(threshold)s.",
        ],
        _(
            "A file fails when it cannot be read or the model raises on it, after all retries. The error threshold "
            "counts failed files over the whole input, as in Azure; -1 tolerates any number."
        ),
        _(
            "The sentence ends with the first failure. Mend that file, or raise the error threshold for this job; "
            "Retry failed runs only what failed."
        ),
    ),
    Entry(
        _("A node was lost"),
        [
            "The node died %(times)s times while it scored this mini-batch.",
            "The node died … times while it tried this model.",
            "The studio's control worker died %(times)s times while %(step)s this job. Create the job again.",
        ],
        _(
            "A node that dies loses nothing: another one takes over. After several deaths on the same piece of work "
            "the work itself is the suspect, mostly because it takes the memory of the whole machine."
        ),
        _(
            "Look at the machine’s memory, lower slots or memory per slot of the cluster, then run the job again."
        ),
        "compute",
    ),
    Entry(
        _("The input changed while the job ran"),
        [
            "… … since the job was planned. Create the job again.",
            "The rows of %(path)s cannot be numbered: a part of it was not scored, and the file has changed since."
            " Create the job again.",
        ],
        _("A file was replaced or removed after the job had been planned, so its rows would be mixed."),
        _(
            "Write to other names while jobs run, or use data assets: their versions never change. Then resubmit."
        ),
        "data",
    ),
    Entry(
        _("Something stands where the job would write"),
        [
            "“%(path)s” exists already, and the studio never overwrites. Choose another output path.",
            "“%(path)s” is a file, not a folder. Choose another output path.",
            "Another job is writing to “%(path)s”. Choose another output path.",
        ],
        _("A job only writes where nothing is, so no predictions are ever lost or mixed with others."),
        _(
            "Choose another folder, or turn the output configuration off: then each job gets a folder of its own."
        ),
        "predictions",
    ),
    Entry(
        _("The output cannot be written"),
        ["The output cannot be written: %(reason)s. Make room or choose another output path."],
        _("The storage refused: the disk is full, read-only, or the studio’s user may not write there."),
        _(
            "Make room or mend the permissions and press Retry failed: what was scored is kept and written then."
        ),
        "predictions",
    ),
    Entry(
        _("What was scored cannot be kept"),
        [
            "The node's disk is full, so what was scored cannot be kept. Make room on it, and retry the job.",
            "What was scored cannot be stored: %(reason)s. Make room, and retry the job.",
        ],
        _(
            "A part of the predictions found no room: on the node’s own disk, or in the datastore of the output."
        ),
        _(
            "Make room there and press Retry failed: what was scored before is kept, and only the rest is scored."
        ),
        "predictions",
    ),
    Entry(
        _("The parts do not add up"),
        [
            "A part of the output has been damaged: %(path)s. Create the job again.",
            "The errors file has … rows where … failed; run the job again.",
            "… has … rows, but … were scored and … failed; run the job again.",
            "A part holds more rows than were recorded for it; run the job again.",
            "The output has … rows where … were scored; run the job again.",
        ],
        _(
            "Before a job counts as completed, output rows + error rows must equal input rows, and every part must "
            "have the checksum it was written with. Here they do not: something else changed the files."
        ),
        _("Run the job again, and keep other programs away from the folder azureml in the datastore."),
        "predictions",
    ),
    Entry(
        _("The studio itself failed"),
        [
            "The studio itself failed here (%(kind)s). Create the job again; report it if it recurs.",
            "The studio itself failed here (…). Retry; if it fails again, report it.",
        ],
        _("This is a bug of the studio, not of your model or data. The traceback is kept on the page."),
        _("Try once more. If it fails again, report it with the traceback and the studio’s log."),
        "start",
    ),
    Entry(
        _("The job or row has moved on"),
        [
            "“%(thing)s” is %(status)s, so this cannot be done any more. Look at it again.",
            "“%(thing)s” changed just now. Look at it again.",
            "The job is %(status)s and can no longer be canceled.",
        ],
        _("Somebody else, another tab or the studio itself was quicker; what the page showed was old."),
        _("Reload the page: it shows the state as it is now, and what can be done with it."),
    ),
    Entry(
        _("The output is not there"),
        ["This job has no output called “%(name)s”."],
        _("The job wrote no file of this name: it failed before, or keeps only a summary."),
        _("Open Outputs + logs on the job’s page: it lists every file that the job wrote."),
        "predictions",
    ),
    Entry(
        _("The name of a file is not UTF-8"),
        ["The name of the file “%(name)s” is not UTF-8. Rename it."],
        _("The file came from a system with another encoding, so its name cannot be written down safely."),
        _("Rename the file; its contents do not matter here."),
        "data",
    ),
]
