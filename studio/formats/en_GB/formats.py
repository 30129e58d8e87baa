TIME_OF_THIS_YEAR = "j M, H:i"
TIME_OF_ANOTHER_YEAR = "j M Y, H:i"
DATE_FORMAT = "j M Y"
FULL_TIME = "j F Y, H:i:s e"
