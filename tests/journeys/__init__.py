"""A package, so that the studio and the browser that the journeys share end with them (pytest's scope "package")."""
