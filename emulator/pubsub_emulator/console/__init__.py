"""The console: a page that shows what is inside a service; browsers get it from the emulator, or from `pubsub console`.

May import `server`, `errors`, and of the client what passes calls on (`pubsubclient._http`); no other room of the emulator.
Begin with `page`; the files that it serves are in `page/`.
"""
