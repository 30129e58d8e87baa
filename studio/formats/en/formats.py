"""How times are written, as js/studio.js has the browser write them."""

TIME_OF_THIS_YEAR = "M j, g:i A"
TIME_OF_ANOTHER_YEAR = "M j, Y, g:i A"
DATE_FORMAT = "M j, Y"
FULL_TIME = "N j, Y, g:i:s A e"
