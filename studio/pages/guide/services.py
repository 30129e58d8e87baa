"""What the studio says of what it stands on: MLflow, the broker, nodes, datastores."""

from django.utils.translation import gettext_lazy as _

from studio.pages.guide.entries import Entry

ENTRIES = [
    Entry(
        _("MLflow is away"),
        [
            "MLflow at %(address)s does not answer: %(reason)s",
            "MLflow at %(address)s does not answer. Work goes on when it is back.",
            "Waiting for MLflow, which has the files of the model. %(error)s",
            "The sample model did not appear in the studio. Is MLflow running?",
        ],
        _("The registry is not reachable. Models are shown as they were last seen; running jobs go on."),
        _(
            "Start MLflow again, or mend MLFLOW_TRACKING_URI. Nothing has to be pressed here: it is asked again."
        ),
        "models",
    ),
    Entry(
        _("The message broker is away"),
        [
            "Waiting for the message broker, which does not answer. Nothing is lost: it starts by itself as soon as the broker is back.",
            "The message broker does not answer. Nothing is lost: the job goes on by itself as soon as the broker is back.",
        ],
        _("Valkey, Redis or RabbitMQ hands work to the nodes. What is to be done is kept in the database."),
        _("Start the broker again, or mend BROKER_URL. Work goes on by itself within seconds."),
        "compute",
    ),
    Entry(
        _("A job or deployment waits for a node"),
        [
            "Waiting for a free slot of the cluster %(cluster)s.",
            "Waiting because no node of the cluster %(cluster)s is running. It starts as soon as one joins.",
            "Waiting for a cluster that was deleted. Cancel the job.",
        ],
        _("Mini-batches are scored by the slots of a cluster’s nodes, and none is free or none is there."),
        _(
            "Open the cluster under Compute: start it, raise its maximum number of nodes, or wait for the jobs "
            "before this one."
        ),
        "compute",
    ),
    Entry(
        _("The cluster is smaller than what is asked for"),
        [
            "The cluster %(cluster)s has at most %(max)s node.",
            "The cluster %(cluster)s has at most %(max)s nodes.",
            "A node of %(cluster)s has %(slots)s slot, fewer than the max concurrency of %(chosen)s.",
            "A node of %(cluster)s has %(slots)s slots, fewer than the max concurrency of %(chosen)s.",
            "Choose another cluster, or lower it among the deployment’s settings.",
        ],
        _("Instance count is bounded by the cluster’s nodes, max concurrency by the slots of one node."),
        _("Lower the setting, choose another cluster, or edit the cluster’s maximum."),
        "compute",
    ),
    Entry(
        _("The cluster or node is in use"),
        [
            "The nodes of an external cluster are started where they run; the command is on the cluster’s page.",
            "This node already finishes what it does, and ends then.",
            "Deployments use it, among them %(one)s. Delete them first.",
            "The deployment %(one)s uses it. Delete that deployment first.",
            "The job %(job)s runs on it. Wait for its end, or cancel it.",
        ],
        _("What a deployment or a running job needs is not taken away under it."),
        _("Open what the sentence names, delete it or let it finish, then try again."),
        "compute",
    ),
    Entry(
        _("The form of a cluster"),
        [
            "Give %(slots)s slot at least %(least)s GB: a model with its libraries hardly fits in less.",
            "Give %(slots)s slots at least %(least)s GB: a model with its libraries hardly fits in less.",
            "This machine has %(all)s GB in all.",
            "A cluster with this name exists. Choose another name.",
            "Use 3 to 24 characters: a letter first, then letters, digits and dashes; after a dash a letter must follow.",
            "The minimum is above the maximum number of nodes.",
        ],
        _(
            "A node’s memory is shared out evenly over its slots; a slot that takes more than its part is ended."
        ),
        _("Fewer slots with more memory each suit large models; more slots suit small ones."),
        "compute",
    ),
    Entry(
        _("A bucket or container does not let the studio in"),
        [
            "The storage refuses the datastore’s credentials (%(code)s). Update them on the datastore’s page.",
        ],
        _(
            "The keys or the SAS token have expired, were withdrawn or are wrong, or a firewall of the account keeps "
            "this machine out. Jobs that need the datastore wait; nothing is lost."
        ),
        _(
            "Open the datastore under Data and press Update authentication. The jobs go on by themselves within "
            "seconds."
        ),
        "data",
    ),
    Entry(
        _("A bucket or container is away or busy"),
        [
            "The storage of %(place)s does not answer (%(reason)s). Work goes on when it does.",
            "The storage is busy or out of order (%(code)s). Work goes on when it is not.",
            "The datastore broke off in the middle of a file, %(times)s times. Work goes on when it answers.",
        ],
        _(
            "The storage is not reachable, throttles or fails. It was asked several times; jobs wait and ask again."
        ),
        _(
            "Wait, or look at the storage and the network between it and the studio. Nothing has to be pressed here."
        ),
        "data",
    ),
    Entry(
        _("Requests to a datastore had to be repeated"),
        [
            "%(datastore)s throttled or broke off %(count)s request, which was made again: %(causes)s.",
            "%(datastore)s throttled or broke off %(count)s requests, which were made again: %(causes)s.",
        ],
        _(
            "The storage takes fewer requests than it is asked (503 SlowDown, 503 ServerBusy, 429), or connections to it "
            "break. Each such request is made again after a pause: the job takes longer, and nothing is lost."
        ),
        _(
            "Nothing has to be pressed. Where it goes on for long, run fewer jobs on this storage at a time, or a job on "
            "fewer nodes and slots, or have the storage’s limit raised."
        ),
        "data",
    ),
    Entry(
        _("Credentials of Azure are not what they should be"),
        [
            "This connection string has no AccountKey and no SharedAccessSignature, or both. Copy it again.",
            "This connection string is of “%(theirs)s”, and the datastore lies in “%(mine)s”.",
            "This is no connection string. It looks like “AccountName=…;AccountKey=…;EndpointSuffix=…”.",
            "This is no account key, which is in Base64 and mostly ends with “==”.",
            "This is no SAS token, which looks like “sv=…&se=…&sp=…&sig=…”.",
            "This SAS token ended on %(end)s. Give one that is still good.",
        ],
        _("A part of it was not copied, it is of another account, or its time is over."),
        _(
            "Copy it again from the Azure portal: the storage account’s page “Access keys”, or “Shared access tokens” "
            "of the container."
        ),
        "data",
    ),
    Entry(
        _("A key file of Google’s is refused"),
        [
            "This is no key file: it is not JSON. Paste the file whole.",
            "This is not the key file of a service account. Make one in Google’s console.",
            "The key file lacks “%(name)s”. Paste it whole.",
            "The private key in the file cannot be read. Paste the file as Google gave it.",
        ],
        _(
            "A bucket of Google Cloud Storage is opened with the JSON key of a service account, or with what the "
            "machine itself has. Other files of Google’s may name programs and files, so they are not taken."
        ),
        _(
            "In Google’s console open IAM, Service accounts, the account’s Keys, add a key of type JSON, and paste what "
            "the file holds. The account needs the role Storage Object User of the bucket."
        ),
        "data",
    ),
    Entry(
        _("An SFTP server does not let the studio in"),
        [
            "The server %(server)s does not let “%(user)s” in with the datastore’s password or key. Update the authentication on the datastore’s page.",
            "The server %(server)s lets nobody in with what the datastore has; it takes: %(types)s. Update the authentication on the datastore’s page.",
        ],
        _(
            "The user, password or key is wrong or was withdrawn, or the server takes another way. Jobs that need it wait; nothing is lost."
        ),
        _(
            "Open the datastore under Data and press Update authentication. The jobs go on by themselves within seconds."
        ),
        "data",
    ),
    Entry(
        _("An SFTP server shows another host key"),
        [
            "The server %(server)s shows another host key, %(shown)s, than the one that was confirmed, %(known)s, so nothing was sent to it. Ask who runs it. If the key was changed on purpose, confirm the new one where the authentication is updated.",
            "The server %(server)s shows another key than the one that was confirmed: %(shown)s instead of %(known)s. Nothing was sent to it. Ask who runs it; if it has a new key, confirm that one, and give the password or private key again.",
            "The server %(server)s shows the key %(shown)s. Nothing was sent to it yet. Compare this with what its administrator says; if they agree, confirm it, and give the password or private key again.",
        ],
        _(
            "A server proves by its host key that it is the one that was meant. Another key means a new installation, or somebody between."
        ),
        _(
            "Compare the fingerprint with what the server’s administrator says (ssh-keygen -l on the server prints it), and confirm it with Update authentication."
        ),
        "data",
    ),
    Entry(
        _("An SFTP server is away"),
        [
            "The server %(server)s does not answer (%(reason)s). Work goes on when it does.",
            "No host “%(host)s” is known. Check its name; work goes on when it can be found.",
        ],
        _(
            "The server cannot be reached or broke the connection off. It was asked several times; jobs wait and ask again."
        ),
        _(
            "Wait, or look at the server and the network between it and the studio. Nothing has to be pressed here."
        ),
        "data",
    ),
    Entry(
        _("A key of SSH cannot be used"),
        [
            "The key has a passphrase. Give it too.",
            "This is no private key. It begins with “-----BEGIN … PRIVATE KEY-----”.",
            "The key cannot be opened: its passphrase is another one, or lines of it are missing.",
            "The key cannot be opened: it has a passphrase, or lines of it are missing.",
            "Keys of this type are not taken. Give one of Ed25519, ECDSA or RSA.",
            "This is no host key. Give a line such as “ssh-ed25519 AAAA…”, or nothing.",
        ],
        _(
            "A private key is the whole text of its file; a host key is a line of known_hosts or of a server’s .pub file."
        ),
        _("Copy it anew, with its first and last line, and give its passphrase."),
        "data",
    ),
    Entry(
        _("An SFTP server does not take a file"),
        [
            "the server says “%(said)s” and no more; perhaps its disk is full or a quota is used up",
            "the server cannot replace a file in one step",
        ],
        _(
            "SFTP has one answer for most failures, so the reason is known only where the server says it in words. Nothing half-written is left."
        ),
        _(
            "Look at the server’s disk and quota. To replace a file on a server without posix-rename, delete it first."
        ),
        "data",
    ),
    Entry(
        _("Credentials cannot be opened"),
        [
            "The credentials cannot be opened on this machine: the key that sealed them is not in its encryption "
            "key file (STUDIO_ENCRYPTION_KEY_FILE). Copy that file from the machine that the studio runs on.",
        ],
        _(
            "Keys of datastores are encrypted with a key that lies in a file beside the database, on every machine."
        ),
        _("Copy the file to the machine that says so, readable by the studio’s user only."),
        "data",
    ),
    Entry(
        _("A key of a bucket is no path"),
        ["The object “%(key)s” has a name that no path can have. Rename it, or choose another folder."],
        _("A bucket takes names that hold “//”, “..” or “\\”, which would mean another place as a path."),
        _("Rename the object in the bucket, or put it outside of the folder that the job reads."),
        "data",
    ),
    Entry(
        _("A local folder has no credentials"),
        ["A local folder has no credentials."],
        _("It is opened as the studio’s own user."),
        _("Give the studio’s user the right to read and write the folder."),
        "data",
    ),
    Entry(
        _("A path leaves its datastore"),
        [
            "The path “%(path)s” leaves its datastore. Give a path inside of it, such as “folder/file.csv”.",
            "A name in the path “%(path)s…” is too long.",
        ],
        _("Paths are inside their datastore: nothing above its folder can be read or written."),
        _("Give the path from the datastore’s folder on, without .. and without a leading /."),
        "data",
    ),
    Entry(
        _("The datastore is gone"),
        ["The datastore was unregistered, so the studio can no longer reach what is in it."],
        _("The files are still where they were; the studio has only forgotten how to reach them."),
        _("Register the datastore again under Data, Datastores, or read the files outside of the studio."),
        "data",
    ),
    Entry(
        _("The sample is not there"),
        [
            "The sample deployment is …: …",
            "The sample job is …: …",
            "The sample model could not be trained: …",
            "… was not done after … s. Is a node of its cluster running?",
        ],
        _(
            "The first start makes a sample; without it everything works, only the first steps have no example."
        ),
        _("Start the studio again: it makes what is missing, or set STUDIO_SAMPLES=0 to do without."),
        "start",
    ),
    Entry(
        _("You may not do this"),
        ["Sign in first.", "Ask an administrator for the right to do it."],
        _("The studio does not know who you are any more, or the act is for others."),
        _("Sign in again; what you typed in a wizard is kept. Else ask an administrator."),
        "start",
    ),
    Entry(
        _("The page was open too long"),
        [
            "You may not do this, or the page was open too long. Reload it and try again.",
            "The studio could not tell that the form came from its own page, so nothing was changed.",
            "This is no longer there. Reload the page.",
        ],
        _("You have signed in anew, or what the page shows was deleted in another tab."),
        _("Reload the page. Where the studio offers to send the form again, nothing that you typed is lost."),
        "start",
    ),
    Entry(
        _("The studio does not answer"),
        [
            "The studio does not answer. Check the connection and try again.",
            "That did not work: the studio answered with an error. Try again, or ask the administrator to look at its log.",
        ],
        _("The browser reached nobody, or met a fault of the studio. Running jobs do not need the browser."),
        _("Try again in a moment. The reference on an error page is found in the studio’s log."),
        "start",
    ),
]
