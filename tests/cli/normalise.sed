# What changes from run to run: names and times of runs, what the file system
# numbers, how long rules took.
s/[0-9]{8}T[0-9]{6}Z-[0-9]+/RUN/g
s/^RUN +[0-9-]{10} [0-9:]{5}/RUN WHEN/
s/RUN of [0-9-]{10} [0-9:]{5}/RUN of WHEN/
s/"time":[0-9]+/"time":T/g
s/"(device|inode|mtime_nsec|ctime_nsec)":[0-9]+/"\1":N/g
s/[0-9]+\.[0-9] ms$/N ms/
s/([(,] ?)[0-9]+ of them older than 5 days \([^)]*\)/\1OLD/
/^  (up to )?[0-9]+ older than 5 days: returned to postmaster/d
s/"older_than_return":[0-9]+/"older_than_return":N/
