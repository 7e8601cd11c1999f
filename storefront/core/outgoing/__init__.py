"""What this server sends to addresses that other people gave it: ``posting`` signs and posts, ``guard`` keeps it from
places where it has no business (server-side request forgery), ``addresses`` knows which those are."""
