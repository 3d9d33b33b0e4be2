# Subdirectories, one of them a link to another disk; a df that a d line names.
fixture queue-kinds queue
mkdir -p q/one q/two/qf q/two/xf disk
ln -s ../../disk q/two/df
mv queue/qf6AMEjQA6022445 queue/qf6ALGJlYL017016 q/two/qf
mv queue/df6AMEjQA6022445 disk
mv queue/df6ALGJlYL017016 q/one
sed -i 's/^I/done\nI/' q/two/qf/qf6ALGJlYL017016
mv queue/xf6AMIAHst023604 q/two/xf
mv queue/?f6AMJJw8E028245 q/one
ask --list 'q/*'
ask --purge-bounces q/one q/two
find q disk -name '*.?f' | sort
ask --undo --yes q/one q/two
find q disk -name '[qdx]f?*' | sort
sleep 1
ask --purge-bounces q/one q/two >/dev/null
ask --runs -fjson q/one q/two
ask --expunge --older=0s --yes q/two q/one
find q disk -name '.qscan'
