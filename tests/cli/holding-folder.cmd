# needs: root
# A .qscan that is somebody else's, or no folder, is left alone.
fixture queue-kinds queue
mkdir queue/.qscan
chown 65534 queue/.qscan
ask --purge-bounces queue
ask --runs queue
ask --top=0 queue | head -n 4
rmdir queue/.qscan
ln -s /tmp queue/.qscan
ask --purge-bounces queue
rm queue/.qscan
: >queue/.qscan
ask --purge-bounces queue
rm queue/.qscan
mkdir -m 777 queue/.qscan
ask --purge-bounces queue
stat -c %a queue/.qscan
chown -R 65534 queue
ask --purge-bounces queue
ask --undo --yes queue
