"""What every request meets before its route, outermost first; `service/app.py` puts them in order.

`headers` lets no answer load anything from elsewhere; `hosts` refuses names that are not this
server's; `origins` refuses what another site's page would do here; `callers` tells who asks;
`rates` slows down who asks too often; `access` asks for a key; `time` and `sizes` bound the rest.
`draining` refuses what comes while the server stops, `admission` what is too much at a time;
`departures` ends the work for callers who have left.
All of it is plain ASGI and works on the head of a request, before any of its body is read.
`connections` bounds what comes before there is a request at all.
"""
