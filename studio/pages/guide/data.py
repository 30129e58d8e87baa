"""What is said of data as people bring it: public https addresses, and archives that are unpacked."""

from django.utils.translation import gettext_lazy as _

from studio.pages.guide.entries import Entry

ENTRIES = [
    Entry(
        _("This is no address that can be read"),
        [
            "This is no address. Give one such as “https://example.com/visits.csv”.",
            "Only https addresses are read. Give one that begins with “https://”.",
            "The address holds a user or password in front of “@”, which is refused. Give one that opens without.",
            "“%(host)s” cannot be a host’s name.",
            "The address is too long in front of its “?”. Give a shorter one.",
            "There is no host “%(host)s”. Check the address.",
        ],
        _("Data is read over https only, without a sign-in, from hosts that a name server knows."),
        _("Copy the address of the file itself from the browser, or put the file into a datastore."),
        "data",
    ),
    Entry(
        _("The query of an address is not shown again"),
        ["What stood behind “?” is not shown again. Give the whole address once more, or another one."],
        _(
            "What stands behind “?” may be a key, so it is encrypted when it is kept, and no page has it again."
        ),
        _(
            "Give the whole address once more. Where it is already kept for this job, leave the field as it is."
        ),
        "data",
    ),
    Entry(
        _("An address is not public"),
        [
            "“%(host)s” is not a public host. Give a public address, or ask the administrator to open this host (STUDIO_ALLOWED_HOSTS_FOR_DATA).",
            "Only port 443 is read. Give an address without a port, or ask the administrator to open %(host)s:%(port)s (STUDIO_ALLOWED_HOSTS_FOR_DATA).",
            "%(address)s leads on to an address that is not read. %(reason)s",
            "%(address)s leads on more than %(times)s times. Give the address of the file itself.",
            "%(address)s leads in a circle. Give the address of the file itself.",
        ],
        _(
            "The studio reads for everyone who is signed in, so it reads nothing from its own network: no address that "
            "leads there by its name, by its number or by a redirect."
        ),
        _(
            "Use a public address, or a datastore. For a server of your own the administrator sets "
            "STUDIO_ALLOWED_HOSTS_FOR_DATA to its host, with its port where that is not 443."
        ),
        "data",
    ),
    Entry(
        _("The server does not give the file"),
        [
            "There is nothing at %(address)s (404). Check the address, or give another one.",
            "%(address)s does not let the studio in (%(status)s). Its key may have expired, or it needs a sign-in.",
            "%(address)s gives no file (%(status)s). Check the address.",
            "%(address)s looks like a web page, not like data. Give the address of the file itself.",
            "%(address)s has more than %(most)s, the most that is read from an address. Put it into a datastore.",
            "The server of %(address)s gives its file only whole, and that took more than %(minutes)s minutes. Put it into a datastore.",
        ],
        _(
            "The server answered, but not with the data: it has moved, needs a key, or the address is that of a page about it."
        ),
        _(
            "Open the address in a private window of a browser: it must download the file at once. Signed addresses "
            "expire; make a new one and register it as a new version. The administrator may raise STUDIO_MAX_DOWNLOAD_GB."
        ),
        "data",
    ),
    Entry(
        _("The certificate of an address is not valid"),
        ["The certificate of %(address)s is not valid (%(reason)s). Ask whoever runs that server."],
        _("The server cannot prove that it is the one that the address names."),
        _("Where it is signed by an authority of your own, the administrator names that in STUDIO_CA_FILE."),
        "data",
    ),
    Entry(
        _("An address is away or busy"),
        [
            "%(address)s is busy or out of order (%(status)s). Work goes on when it is not.",
            "%(address)s cannot be reached within %(seconds)s s. Work goes on when it can.",
            "%(address)s answers too slowly. Work goes on when it answers.",
            "%(address)s does not answer (%(reason)s). Work goes on when it does.",
            "%(address)s breaks the secure connection off. Work goes on when it does not.",
            "%(address)s is just being fetched for somebody else. Work goes on when it is here.",
        ],
        _(
            "The server throttles, fails or is not reachable. It was asked several times; jobs wait and ask again."
        ),
        _("Wait, or put the file into a datastore. Nothing has to be pressed here."),
        "data",
    ),
    Entry(
        _("Nothing is written to an address"),
        ["Nothing can be written to a web address. Choose a datastore for it."],
        _("A public address is only read."),
        _("Choose a datastore for the output."),
        "data",
    ),
    Entry(
        _("The archive is refused"),
        [
            "The archive is empty.",
            "There is no file in the archive.",
            "The archive is damaged or cut off. Pack it again.",
            "“%(path)s” in the archive is damaged. Pack it again.",
            "The zip file is cut off: its end is missing. Upload it again.",
            "This is not a zip file. Choose one, or the files themselves.",
            "The zip file is encrypted. Pack it without a password.",
            "The zip file’s table of contents is too long. Pack fewer files.",
            "The archive has more than %(most)s entries. Pack fewer files.",
            "The archives have more than %(most)s files together. Upload some of them at a time.",
            "“%(path)s” in the archive is a link. Pack the files that it links to.",
            "“%(path)s” in the archive is neither a file nor a folder.",
            "Unpacked, the archive has more than %(most)s, the most that is unpacked here.",
            "Unpacked, the archive would grow more than %(times)s times, to %(size)s. Hardly any data does; choose the files themselves if yours do.",
            "“%(path)s” leads out of its folder. Nothing was stored. Pack the folder itself.",
            "Two files have the path “%(path)s”.",
            "“%(path)s” lies in what is a file too.",
        ],
        _("An archive can hold traps, so everything unusual is refused and nothing of it is stored."),
        _("Pack the folder anew, or choose the files or the folder themselves instead of an archive."),
        "data",
    ),
    Entry(
        _("An upload does not arrive, or not whole"),
        [
            "The studio’s disk has %(free)s left for uploads, less than this file. Put it where a datastore lies instead.",
            "The studio cannot keep the file: %(reason)s. What has arrived stays.",
            "More bytes came than the file has. Choose it again.",
            "This piece of the file does not follow what has arrived.",
            "This upload was not begun, or was left for a week. Choose the file again.",
            "Not all files have arrived. Choose them again: what is here is not sent again.",
            "Storing the files took longer than a day, and was given up. Try again.",
        ],
        _(
            "Files are sent in pieces and kept on the studio’s own disk until they are stored. The disk is full, the "
            "file changed while it was sent, or it was left for too long."
        ),
        _(
            "Choose the same files again; only what is missing is sent. Where the disk is full the administrator makes "
            "room, or you put the files where a datastore lies and register their path."
        ),
        "data",
    ),
    Entry(
        _("Storing several files broke off"),
        [
            "Storing the files broke off: %(reason)s. Of %(count)s files these may have been stored: %(names)s. Upload them again.",
        ],
        _(
            "Files are put into their places one after the other, and one could not be. Those before it that replaced "
            "others, or could not be taken back, stay."
        ),
        _("Upload the same files again with “Replace” ticked."),
        "data",
    ),
]
